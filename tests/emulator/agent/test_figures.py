"""Figures of matplotlib become images of the result. The context runs in this test run's environment."""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING

import pytest

from support import sandboxes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.sandboxes import Session

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def plotting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTCORE_SANDBOX_LOCAL_PYTHON", sys.executable)
        with sandboxes.start(tmp_path_factory.mktemp("plots") / "sandbox") as session:
            yield session


@pytest.mark.parametrize(
    ("code", "images"),
    [
        ("plt.plot([1, 2]);", 1),
        ("plt.plot([1, 2])\nplt.show()", 1),
        ("plt.plot([1])\nplt.show()\nplt.plot([2])\nplt.show()", 2),
        ("for _ in range(3):\n    plt.figure()", 3),
        ("plt.plot([1])\nplt.close()", 0),
        ("1", 0),
    ],
)
@pytest.mark.aws("assumed", "Code", "Figures of matplotlib are PNG images")
def test_open_figures_become_images(plotting: Session, code: str, images: int) -> None:
    payload = plotting.invoke("executeCode", code=f"import matplotlib.pyplot as plt\n{code}")
    assert payload["structuredContent"]["stderr"] == ""
    found = [block for block in payload["content"] if block["type"] == "image"]
    assert len(found) == images
    assert all(block["mimeType"] == "image/png" for block in found)
    assert all(base64.b64decode(block["data"]).startswith(PNG) for block in found)


def test_a_figure_of_a_failing_cell_is_shown_too(plotting: Session) -> None:
    payload = plotting.invoke("executeCode", code="import matplotlib.pyplot as plt\nplt.plot([1])\n1 / 0")
    assert [block["type"] for block in payload["content"]] == ["text", "image"]


@pytest.mark.aws("assumed", "Limits", "Images of more than 3 MB in all are left out, and told")
def test_too_large_images_are_left_out_and_told(plotting: Session) -> None:
    code = (
        "import matplotlib.pyplot as plt, os\n"
        "import numpy as np\n"
        "plt.figure(figsize=(15, 15))\n"
        "plt.imshow(np.random.rand(1200, 1200, 3), interpolation='none');"
    )
    payload = plotting.invoke("executeCode", code=code)
    assert "Images of more than 3 MB in all are left out" in payload["structuredContent"]["stderr"]
    assert all(block["type"] == "text" for block in payload["content"])


def test_a_child_process_plots_as_ever(plotting: Session) -> None:
    code = "import matplotlib.pyplot as plt; plt.plot([1]); plt.savefig('child.png'); print('saved')"
    assert (
        plotting.out(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {code!r}], check=True);")
        == "saved"
    )


def test_a_figure_that_cannot_be_drawn_is_an_error_and_not_the_end(plotting: Session) -> None:
    result = plotting.code("import matplotlib.pyplot as plt\nkept = 1\nplt.text(0, 0, r'$\\undefined$')")
    assert "ValueError" in result["stderr"]
    assert plotting.out("kept") == "1"

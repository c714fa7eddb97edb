"""docs/emulator.md, done: its files in a project of their own, with a pytest of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agentcore_emulator import testing
from agentcore_emulator.errors import EmulatorError
from support.processes import DEADLINE

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"


def test_the_page_works(tmp_path: Path, base_environment: dict[str, str]) -> None:
    named = re.findall(r"`(\w+\.py)`:\n\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    unnamed = re.findall(r"skip\s+there:\n\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    files = dict(named)
    assert sorted(files) == ["conftest.py", "test_faults.py", "test_sessions.py"]
    (skipping,) = unnamed
    files["conftest.py"] += skipping
    files["test_skip.py"] = "def test_it(agentcore_or_skip): assert agentcore_or_skip['AWS_ACCESS_KEY_ID']"
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        env={**base_environment, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        timeout=DEADLINE,
        check=False,
    )
    assert b"3 passed" in done.stdout, done.stdout + done.stderr
    assert not list(tmp_path.glob("agentcore-sandbox-*"))


def test_the_fixture_has_three_lines() -> None:
    fixture = re.search(r"@pytest.fixture.*?```", PAGE.read_text(), re.DOTALL)
    assert fixture
    assert len(fixture[0].splitlines()) - len(["the decorator", "the end of the example"]) == 3


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.delenv("BEDROCK_AGENTCORE_DP_ENDPOINT", raising=False)
    before = dict(os.environ)
    with testing.service() as variables:
        assert os.environ["AWS_ACCESS_KEY_ID"] == variables["AWS_ACCESS_KEY_ID"] != "mine"
    assert dict(os.environ) == before


def test_wrong_usage_is_told() -> None:
    with pytest.raises(TypeError, match="no limit memory"), testing.service(memory=1):
        pass
    with pytest.raises(EmulatorError, match="not a fault: 'much'"), testing.service(faults=["much"]):
        pass

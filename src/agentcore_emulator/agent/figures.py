"""The matplotlib backend of a Python context: figures become images of the result, as in a notebook."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

BACKEND = f"{__package__}.figure_backend"


class Images:
    """PNG files that wait for the end of their cell."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def add(self, image: bytes) -> None:
        """Take one PNG file."""
        self._waiting.append(image)

    def take(self) -> list[bytes]:
        """Return the images since the last call, those of open figures too."""
        if BACKEND in sys.modules:
            collect()
        images, self._waiting = self._waiting, []
        return images


IMAGES = Images()


def collect(*_args: object, **_options: object) -> None:
    """Turn every open figure into an image and close it."""
    pyplot = sys.modules["matplotlib.pyplot"]
    try:
        for number in pyplot.get_fignums():
            add_figure(pyplot.figure(number))
    finally:
        pyplot.close("all")


def add_figure(figure: Any) -> None:
    """Make an image of one figure."""
    content = io.BytesIO()
    figure.savefig(content, format="png", bbox_inches="tight")
    IMAGES.add(content.getvalue())


class BackendFinder:
    """Chooses the backend when matplotlib is first imported.

    The variable MPLBACKEND would do the same, and break every Python that the cell's code starts.
    """

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """Find matplotlib as the other finders do, with a loader that adds one step."""
        if fullname != "matplotlib":
            return None
        sys.meta_path.remove(self)
        import importlib.util

        spec = importlib.util.find_spec(fullname)
        if spec and spec.loader:
            spec.loader = _BackendLoader(spec.loader)  # type: ignore[assignment] # a loader by its methods
        return spec


class _BackendLoader:
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if hasattr(module, "use"):  # else the work directory has a module of this name
            module.use(f"module://{BACKEND}")

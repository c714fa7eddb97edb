"""The matplotlib backend of a Python context: Agg, and figures become images of the result, as in a notebook."""

from __future__ import annotations

import io
import sys

from matplotlib.backend_bases import FigureManagerBase as FigureManager
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas

__all__ = ["FigureCanvas", "FigureManager", "show", "take_images"]

_images: list[bytes] = []


def show(*_args: object, **_options: object) -> None:
    """Turn every open figure into an image and close it; what `pyplot.show` calls."""
    pyplot = sys.modules["matplotlib.pyplot"]
    try:
        for number in pyplot.get_fignums():
            content = io.BytesIO()
            pyplot.figure(number).savefig(content, format="png", bbox_inches="tight")
            _images.append(content.getvalue())
    finally:
        pyplot.close("all")


def take_images() -> list[bytes]:
    """Return the PNG files since the last call, those of open figures too."""
    show()
    images = _images[:]
    _images.clear()
    return images

"""What matplotlib loads as its backend: Agg, and `show` makes images."""

from __future__ import annotations

from matplotlib.backend_bases import FigureManagerBase as FigureManager
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas

from .figures import collect as show

__all__ = ["FigureCanvas", "FigureManager", "show"]

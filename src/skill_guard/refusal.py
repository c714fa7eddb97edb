"""The one way to say no."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - not an error of the program but its answer
    """The call is not allowed; the message tells Claude why and what to do instead."""

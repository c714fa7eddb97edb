"""The one error of the build."""

from __future__ import annotations


class BuildError(Exception):
    """The build cannot go on; the message says what happened and what to do next."""

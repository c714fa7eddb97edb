"""Pages of lists: tokens that say where the next one begins."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, TypeVar

from agentcore_emulator.service import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Item = TypeVar("Item")

DEFAULT_PAGE = 10
"""Items; documented for sessions, assumed for interpreters."""


def page(items: Sequence[Item], members: Mapping[str, Any], key: Callable[[Item], int]) -> tuple[list[Item], Any]:
    """Cut one page out of a list.

    Args:
        items: In descending order of their keys, so that new ones do not move the pages.
        members: The request's, of which `maxResults` and `nextToken` count.
        key: An item's place in the order.

    Returns:
        The page's items, and the answer's `nextToken` member where there are more.

    Raises:
        ServiceError: ValidationException: the token is none of ours.
    """
    before = _from_token(members.get("nextToken"))
    left = [item for item in items if before is None or key(item) < before]
    shown = left[: members.get("maxResults", DEFAULT_PAGE)]
    return shown, {"nextToken": _to_token(key(shown[-1]))} if len(shown) < len(left) else {}


def _to_token(key: int) -> str:
    return base64.urlsafe_b64encode(f"before {key}".encode()).decode().rstrip("=")


def _from_token(token: str | None) -> int | None:
    if token is None:
        return None
    try:
        word, number = base64.b64decode(f"{token}===", altchars="-_").decode().split(" ")
        if word == "before":
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise errors.validation("Invalid nextToken", fieldList=[{"name": "nextToken", "message": "Invalid token"}])

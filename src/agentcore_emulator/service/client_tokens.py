"""Idempotency: a request repeated with its client token gets the first one's response and has no further effect."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

from agentcore_emulator.service import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Answer = TypeVar("Answer")


class ClientTokens(Generic[Answer]):
    """The newest tokens, what each was for and the response. A failed request's token may be used again."""

    _KEPT = 10_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, tuple[Hashable, Future[Answer]]] = OrderedDict()

    def once(self, token: Hashable, asked: Hashable, action: Callable[[], Answer]) -> Answer:
        """Return the response to the first request with `token`, waiting for it if it still runs.

        Raises:
            ServiceError: The token was used before and `asked`, the request's parameters, were others.
        """
        future, first = self._claim(token, asked)
        if first:
            self._act(token, future, action)
        return future.result()

    def _claim(self, token: Hashable, asked: Hashable) -> tuple[Future[Answer], bool]:
        with self._lock:
            if token not in self._known:
                self._known[token] = (asked, Future())
                while len(self._known) > self._KEPT:
                    self._known.popitem(last=False)
                return self._known[token][1], True
            earlier, future = self._known[token]
        if earlier != asked:
            raise errors.validation(
                "The client token was used before with other parameters", "IdempotentParameterMismatchException"
            )
        return future, False

    def _act(self, token: Hashable, future: Future[Answer], action: Callable[[], Answer]) -> None:
        try:
            future.set_result(action())
        except BaseException as error:  # noqa: BLE001 - given to every caller of the token
            with self._lock:
                self._known.pop(token, None)
            future.set_exception(error)

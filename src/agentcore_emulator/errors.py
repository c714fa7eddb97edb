"""What goes wrong with the emulator itself. What its clients are told is in `service.errors`."""

from __future__ import annotations


class EmulatorError(Exception):
    """The emulator cannot do what was asked: a stable code, what happened, and what to do next."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class SettingError(EmulatorError):
    """A limit, a fault or another setting has an impossible value; nothing was started."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__("Usage", message, hint)

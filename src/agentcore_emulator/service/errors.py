"""The errors of the API, as botocore's `bedrock-agentcore` model names them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any


class ServiceError(Exception):
    """A request failed; becomes an HTTP error, or an exception event where the stream has begun.

    Code and status are those of the error's shape in AWS's model; `details` are further members of its JSON.
    """

    def __init__(self, code: str, status: int, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.details = details

    def body(self) -> dict[str, Any]:
        """Return the error's JSON members."""
        return {"message": self.message, **self.details}


def validation(message: str, reason: str = "FieldValidationFailed", **details: Any) -> ServiceError:
    """The request breaks the model; `reason` is one of the model's ValidationExceptionReason."""
    return ServiceError("ValidationException", HTTPStatus.BAD_REQUEST, message, reason=reason, **details)


def denied(message: str, code: str = "AccessDeniedException") -> ServiceError:
    """The caller is not allowed to; `code` may be one of AWS's common signature errors."""
    return ServiceError(code, HTTPStatus.FORBIDDEN, message)


def not_found(message: str) -> ServiceError:
    """The interpreter or session does not exist."""
    return ServiceError("ResourceNotFoundException", HTTPStatus.NOT_FOUND, message)


def conflict(message: str) -> ServiceError:
    """The resource is in the wrong state for this."""
    return ServiceError("ConflictException", HTTPStatus.CONFLICT, message)


def quota_exceeded(message: str) -> ServiceError:
    """A quota is exhausted."""
    return ServiceError("ServiceQuotaExceededException", HTTPStatus.PAYMENT_REQUIRED, message)


def internal(message: str) -> ServiceError:
    """The emulator itself failed."""
    return ServiceError("InternalServerException", HTTPStatus.INTERNAL_SERVER_ERROR, message)

"""AWS Signature Version 4, signed by header: verify what clients send, sign what `local status` and `local stop` send.

Source: AWS's "Create a signed AWS API request"; checked against botocore's signer in the tests.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from agentcore_emulator.service.errors import ServiceError, denied

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SERVICE = "bedrock-agentcore"
_ALGORITHM = "AWS4-HMAC-SHA256"
_TIME = "%Y%m%dT%H%M%SZ"
_MAX_SKEW = timedelta(minutes=5)
_AUTHORIZATION = re.compile(
    rf"{_ALGORITHM} Credential=([^/\s]+)/(\d{{8}})/([^/\s]+)/([^/\s]+)/aws4_request,\s*"
    r"SignedHeaders=([a-z0-9;_-]+),\s*Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True)
class Keys:
    """The one pair of keys that the emulator accepts."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True)
class Message:
    """The signed parts of an HTTP request.

    Path and query are as on the wire, without the question mark. Header names are in lower case, and several values of
    one name are joined with commas.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class CredentialScope:
    """What the Authorization header claims, before it is verified."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: str
    signature: str = field(repr=False)

    @property
    def text(self) -> str:
        """The credential scope as it is signed."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def precheck(headers: Mapping[str, str], keys: Keys, now: datetime) -> CredentialScope:
    """Check all that can be checked before the body is read; raises a 403 with the code that AWS uses for the case."""
    scope = _scope(headers.get("authorization"))
    if scope.access_key_id != keys.access_key_id:
        raise denied("The security token included in the request is invalid.", "UnrecognizedClientException")
    if scope.service != SERVICE:
        raise _invalid(f"Credential should be scoped to correct service: '{SERVICE}'.")
    if "host" not in scope.signed_headers.split(";"):
        raise _invalid("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    _check_time(headers.get("x-amz-date", ""), scope, now)
    return scope


def verify(message: Message, scope: CredentialScope, keys: Keys) -> None:
    """Check the signature; raises a 403 InvalidSignatureException."""
    expected = _signature(message, scope, keys)
    if not hmac.compare_digest(expected, scope.signature):
        raise _invalid(
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method."
        )


def sign(message: Message, region: str, keys: Keys, now: datetime) -> dict[str, str]:
    """Return the message's headers with the two that sign it; `host` must be among them."""
    headers = {**message.headers, "x-amz-date": now.astimezone(timezone.utc).strftime(_TIME)}
    scope = CredentialScope(
        keys.access_key_id, headers["x-amz-date"][:8], region, SERVICE, ";".join(sorted(headers)), ""
    )
    signed = Message(message.method, message.path, message.query, headers, message.body)
    signature = _signature(signed, scope, keys)
    credential = f"{keys.access_key_id}/{scope.text}"
    authorization = f"{_ALGORITHM} Credential={credential}, SignedHeaders={scope.signed_headers}, Signature={signature}"
    return {**headers, "authorization": authorization}


def _scope(authorization: str | None) -> CredentialScope:
    if authorization is None:
        raise denied("Missing Authentication Token", "MissingAuthenticationTokenException")
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None:
        raise denied("Authorization header is not an AWS Signature Version 4.", "IncompleteSignatureException")
    return CredentialScope(*match.groups())


def _check_time(stamp: str, scope: CredentialScope, now: datetime) -> None:
    try:
        signed = datetime.strptime(stamp, _TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        raise denied("X-Amz-Date is missing or malformed.", "IncompleteSignatureException") from None
    if stamp[:8] != scope.date:
        raise _invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
    if signed < now - _MAX_SKEW:
        raise _invalid(f"Signature expired: {stamp} is now earlier than {(now - _MAX_SKEW).strftime(_TIME)}")
    if signed > now + _MAX_SKEW:
        raise _invalid(f"Signature not yet current: {stamp} is still later than {(now + _MAX_SKEW).strftime(_TIME)}")


def _invalid(message: str) -> ServiceError:
    return denied(message, "InvalidSignatureException")


def _signature(message: Message, scope: CredentialScope, keys: Keys) -> str:
    canonical = hashlib.sha256(_canonical(message, scope.signed_headers).encode()).hexdigest()
    text = "\n".join([_ALGORITHM, message.headers["x-amz-date"], scope.text, canonical])
    key = _signing_key(keys, scope.date, scope.region, scope.service)
    return hmac.digest(key, text.encode(), "sha256").hex()


@functools.lru_cache(maxsize=16)
def _signing_key(keys: Keys, *parts: str) -> bytes:
    """Derive the key of a day, a region and a service; nearly all requests have the same."""
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in (*parts, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _canonical(message: Message, signed_headers: str) -> str:
    names = signed_headers.split(";")
    headers = [f"{name}:{' '.join(message.headers.get(name, '').split())}\n" for name in names]
    digest = hashlib.sha256(message.body).hexdigest()
    path = quote(message.path, safe="/~")  # encoded once on the wire and once more to sign
    parts = [message.method, path, _canonical_query(message.query), "".join(headers), signed_headers, digest]
    return "\n".join(parts)


def _canonical_query(query: str) -> str:
    pairs = (part.partition("=") for part in query.split("&") if part)
    return "&".join(f"{name}={value}" for name, value in sorted(_encoded((name, value) for name, _, value in pairs)))


def _encoded(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return ((quote(unquote(name), safe="~"), quote(unquote(value), safe="~")) for name, value in pairs)

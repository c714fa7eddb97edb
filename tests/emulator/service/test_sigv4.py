"""Signature verification, with botocore's signer as the oracle."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.service.errors import ServiceError
from agentcore_emulator.service.sigv4 import Keys, Message, precheck, sign, verify

KEYS = Keys("LOCALEXAMPLE", "dummy-secret")
HOST = "127.0.0.1:4566"
SEGMENT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: set(text) - {"."})
VALUE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)


def signed_by_botocore(
    segment: str = "local",
    query: str = "",
    value: str = "x",
    body: bytes = b"{}",
    *,
    keys: Keys = KEYS,
    service: str = "bedrock-agentcore",
    token: str | None = None,
) -> Message:
    url = f"http://{HOST}/code-interpreters/{quote(segment, safe='~')}/sessions/list{query}"
    request = AWSRequest("POST", url, {"Host": HOST, "X-Amzn-Code-Interpreter-Session-Id": value}, body)
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, token)
    SigV4Auth(credentials, service, "us-east-1").add_auth(request)
    headers = {name.lower(): request.headers[name] for name in request.headers}
    parts = urlsplit(url)
    return Message("POST", parts.path, parts.query, headers, body)


def check(message: Message, now: datetime | None = None) -> None:
    verify(message, precheck(message.headers, KEYS, now or datetime.now(timezone.utc)), KEYS)


def refusal(message: Message, now: datetime | None = None) -> str:
    with pytest.raises(ServiceError) as raised:
        check(message, now)
    assert raised.value.status == 403
    return raised.value.code


@given(SEGMENT, st.lists(st.tuples(VALUE, VALUE), max_size=3), VALUE, st.binary(max_size=50))
def test_whatever_botocore_signs_is_verified(
    segment: str, pairs: list[tuple[str, str]], value: str, body: bytes
) -> None:
    query = "&".join(f"{quote(name, safe='~')}={quote(text, safe='~')}" for name, text in pairs)
    check(signed_by_botocore(segment, f"?{query}" if query else "", value, body))


def test_a_session_token_of_other_keys_does_not_matter() -> None:
    check(signed_by_botocore(token="left-over"))


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "PUT"},
        {"path": "/code-interpreters/other/sessions/list"},
        {"query": "sessionId=1"},
        {"body": b"{ }"},
    ],
)
def test_a_changed_request_is_refused(changed: dict[str, object]) -> None:
    assert refusal(replace(signed_by_botocore(), **changed)) == "InvalidSignatureException"  # type: ignore[arg-type]


def test_a_changed_header_is_refused() -> None:
    message = signed_by_botocore()
    changed = replace(message, headers={**message.headers, "x-amzn-code-interpreter-session-id": "other"})
    assert refusal(changed) == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (signed_by_botocore(keys=Keys("AKIDEXAMPLE", "dummy-secret")), "UnrecognizedClientException"),
        (signed_by_botocore(keys=Keys("LOCALEXAMPLE", "wrong")), "InvalidSignatureException"),
        (signed_by_botocore(service="s3"), "InvalidSignatureException"),
    ],
)
def test_wrong_keys_and_services_are_refused(message: Message, code: str) -> None:
    assert refusal(message) == code


@pytest.mark.parametrize("minutes", [-6, 6])
@pytest.mark.aws("assumed", "Requests", "A signature that is too old, or from the future, is refused")
def test_a_wrong_clock_is_refused(minutes: int) -> None:
    now = datetime.now(timezone.utc) + timedelta(minutes=minutes)
    assert refusal(signed_by_botocore(), now) == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "MissingAuthenticationTokenException"),
        ("", "IncompleteSignatureException"),
        ("Bearer LOCALEXAMPLE", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=LOCALEXAMPLE", "IncompleteSignatureException"),
    ],
)
def test_an_unsigned_request_is_refused(authorization: str | None, code: str) -> None:
    message = signed_by_botocore()
    headers = {name: value for name, value in message.headers.items() if name != "authorization"}
    if authorization is not None:
        headers["authorization"] = authorization
    assert refusal(replace(message, headers=headers)) == code


@given(st.text(st.characters(max_codepoint=126)))
def test_any_authorization_is_refused_with_the_one_error(authorization: str) -> None:
    message = signed_by_botocore()
    refusal(replace(message, headers={**message.headers, "authorization": authorization}))


@pytest.mark.parametrize("stamp", [None, "", "yesterday", "20261123T101112Z"])
def test_a_wrong_date_header_is_refused(stamp: str | None) -> None:
    message = signed_by_botocore()
    headers = {name: value for name, value in message.headers.items() if name != "x-amz-date"}
    if stamp is not None:
        headers["x-amz-date"] = stamp
    refusal(replace(message, headers=headers))


def test_a_signature_without_the_host_is_refused() -> None:
    message = signed_by_botocore()
    authorization = message.headers["authorization"].replace("SignedHeaders=host;", "SignedHeaders=")
    changed = replace(message, headers={**message.headers, "authorization": authorization})
    assert refusal(changed) == "InvalidSignatureException"


def test_our_signer_signs_as_botocore_does() -> None:
    theirs = signed_by_botocore()
    now = datetime.strptime(theirs.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    unsigned = replace(
        theirs, headers={name: theirs.headers[name] for name in ("host", "x-amzn-code-interpreter-session-id")}
    )
    assert sign(unsigned, "us-east-1", KEYS, now)["authorization"] == theirs.headers["authorization"]


def test_keys_do_not_show_their_secret() -> None:
    assert KEYS.secret_access_key not in repr(KEYS)

"""Each way to credentials works with what the zipapp ships, end to end: the key that signs the request tells."""

from __future__ import annotations

import base64
import hashlib
import json
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support import loopback
from support.fault_server import SESSION
from support.processes import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from support.fault_server import FaultServer, Handler

PAST, FUTURE = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
ROLE = "arn:aws:iam::123456789012:role/r"
LOGIN = "arn:aws:iam::123456789012:user/somebody"


@pytest.fixture(scope="module")
def sts_url() -> Iterator[str]:
    with loopback.moto() as url:
        yield url


@pytest.fixture
def caller(own: CommandLine, faults: FaultServer, sts_url: str) -> CommandLine:
    """A caller without credentials; every service that gives some is on loopback."""
    services = ("BEDROCK_AGENTCORE", "BEDROCK_AGENTCORE_CONTROL", "SSO", "SSO_OIDC", "SIGNIN")
    more = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "us-west-2",
        "CUSTOM_AGENTCORE_INTERPRETER_ID": "aws.codeinterpreter.v1",
        "AWS_ENDPOINT_URL_STS": sts_url,
        **{f"AWS_ENDPOINT_URL_{service}": faults.url for service in services},
    }
    (own.home / ".aws").mkdir()
    return CommandLine(own.command, own.home, {**own.base, **more})


def configure(caller: CommandLine, text: str) -> None:
    (caller.home / ".aws" / "config").write_text(textwrap.dedent(text))


def cache(caller: CommandLine, folder: str, name: str, content: Any) -> None:
    path = caller.home / ".aws" / folder / "cache" / name
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))


def signer(caller: CommandLine, faults: FaultServer, *flags: str, **env: str) -> str:
    """The access key that signs an execution."""
    done = caller.run("exec", SESSION, *flags, "x", env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"hello"
    return faults.requests[-1].headers["Authorization"].partition("Credential=")[2].partition("/")[0]


def answer(content: Any) -> Any:
    return lambda handler: handler.send_json(200, content)


def test_environment(caller: CommandLine, faults: FaultServer) -> None:
    assert signer(caller, faults, AWS_ACCESS_KEY_ID="AKIDENV", AWS_SECRET_ACCESS_KEY="dummy-secret") == "AKIDENV"


def test_static_profile(caller: CommandLine, faults: FaultServer) -> None:
    credentials = "[work]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = dummy-secret\n"
    (caller.home / ".aws" / "credentials").write_text(credentials)
    assert signer(caller, faults, "--profile", "work") == "AKIDPROFILE"


def test_process(caller: CommandLine, faults: FaultServer) -> None:
    key = {"Version": 1, "AccessKeyId": "AKIDPROCESS", "SecretAccessKey": "dummy-secret", "Expiration": FUTURE}
    (caller.home / "key.json").write_text(json.dumps(key))
    configure(caller, f"[profile work]\ncredential_process = cat {caller.home}/key.json\n")
    assert signer(caller, faults, "--profile", "work") == "AKIDPROCESS"


def test_assumed_role(caller: CommandLine, faults: FaultServer) -> None:
    configure(
        caller,
        f"""\
        [profile base]
        aws_access_key_id = AKIDBASE
        aws_secret_access_key = dummy-secret
        [profile work]
        role_arn = {ROLE}
        source_profile = base
        """,
    )
    assert signer(caller, faults, "--profile", "work").startswith("ASIA")


def test_web_identity(caller: CommandLine, faults: FaultServer) -> None:
    token = caller.home / "token"
    token.write_text("dummy-token")
    assert signer(caller, faults, AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE=str(token)).startswith("ASIA")


@pytest.mark.parametrize("expires", [FUTURE, PAST], ids=["valid", "renewed"])
def test_sso(caller: CommandLine, faults: FaultServer, expires: str) -> None:
    configure(
        caller,
        """\
        [profile work]
        sso_session = office
        sso_account_id = 123456789012
        sso_role_name = r
        [sso-session office]
        sso_region = us-west-2
        sso_start_url = https://example.invalid/start
        """,
    )
    token = {"accessToken": "dummy-token", "expiresAt": expires, "refreshToken": "dummy-token", "clientId": "c"}
    registration = {"clientSecret": "dummy-secret", "registrationExpiresAt": FUTURE}
    cache(caller, "sso", f"{hashlib.sha1(b'office').hexdigest()}.json", {**token, **registration})  # noqa: S324 - a name
    keys = {"accessKeyId": "AKIDSSO", "secretAccessKey": "dummy-secret", "sessionToken": "dummy-token"}
    faults.answers["credentials"] = answer({"roleCredentials": {**keys, "expiration": 4_102_444_800_000}})
    faults.answers["token"] = answer({"accessToken": "renewed-token", "expiresIn": 3600, "tokenType": "Bearer"})
    assert signer(caller, faults, "--profile", "work") == "AKIDSSO"
    asked = [request for request in faults.requests if request.operation == "credentials"]
    used = "dummy-token" if expires == FUTURE else "renewed-token"
    assert asked[0].headers["x-amz-sso_bearer_token"] == used
    assert signer(caller, faults, "--profile", "work") == "AKIDSSO"  # from the cache of the AWS CLI
    assert len(asked) == len([request for request in faults.requests if request.operation == "credentials"])


@pytest.fixture
def login(caller: CommandLine) -> ec.EllipticCurvePrivateKey:
    """An `aws login` session whose credentials have expired, so that they are renewed, which takes awscrt."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    old = {"accessKeyId": "AKIDOLD", "secretAccessKey": "dummy-secret", "sessionToken": "dummy-token"}
    token = {
        "accessToken": {**old, "accountId": "123456789012", "expiresAt": PAST},
        "tokenType": "aws_sigv4",
        "refreshToken": "dummy-token",
        "clientId": "arn:aws:signin:::devtools/same-device",
        "dpopKey": pem,
    }
    cache(caller, "login", f"{hashlib.sha256(LOGIN.encode()).hexdigest()}.json", token)
    configure(
        caller,
        f"""\
        [profile work]
        login_session = {LOGIN}
        region = us-west-2
        [profile "a role"]
        role_arn = {ROLE}
        source_profile = work
        """,
    )
    return key


def renew(handler: Handler) -> None:
    new = {"accessKeyId": "AKIDLOGIN", "secretAccessKey": "dummy-secret", "sessionToken": "dummy-token"}
    handler.send_json(
        200, {"accessToken": new, "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "dummy-token-2"}
    )


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize(("profile", "expected"), [("work", "AKIDLOGIN"), ("a role", "ASIA")])
def test_aws_login(
    caller: CommandLine, faults: FaultServer, login: ec.EllipticCurvePrivateKey, profile: str, expected: str
) -> None:
    faults.answers["token"] = renew
    assert signer(caller, faults, "--profile", profile).startswith(expected)
    [asked] = [request for request in faults.requests if request.operation == "token"]
    assert asked.body["refreshToken"] == "dummy-token"
    head, body, signature = asked.headers["DPoP"].split(".")
    raw = decoded(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    login.public_key().verify(der, f"{head}.{body}".encode(), ec.ECDSA(SHA256()))


@pytest.mark.usefixtures("login")
def test_aws_login_for_the_account(caller: CommandLine, faults: FaultServer) -> None:
    faults.answers["token"] = renew
    faults.answers["code-interpreters"] = answer({"codeInterpreterSummaries": []})
    for words in (["interpreter", "list"], ["policy", "trust"]):
        done = caller.run(*words, "--profile", "work")
        assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("login")
def test_aws_login_without_awscrt_says_what_is_missing(caller: CommandLine, zipapps: Mapping[str, Path]) -> None:
    pure = CommandLine((*caller.command[:-1], str(zipapps["any"])), caller.home, caller.base)
    done = pure.run("exec", SESSION, "--profile", "work", "x")
    assert done.returncode == 125
    assert b"needs the AWS Common Runtime" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.usefixtures("login")
def test_awscrt_stays_out_of_sight_until_the_profile_needs_it(caller: CommandLine, faults: FaultServer) -> None:
    signer(caller, faults, AWS_ACCESS_KEY_ID="AKIDENV", AWS_SECRET_ACCESS_KEY="dummy-secret")
    assert "awscrt" not in faults.requests[-1].headers["User-Agent"]
    faults.answers["token"] = renew
    signer(caller, faults, "--profile", "work")
    assert "awscrt" in faults.requests[-1].headers["User-Agent"]

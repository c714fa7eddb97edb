"""Credentials in messages: whatever has the form of one is masked, and nothing else."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_sandbox.cli import dispatch
from agentcore_sandbox.commands import completion
from agentcore_sandbox.errors import MAX_MESSAGE, AgentcoreSandboxError, UsageError, masked

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # AWS's own example
TOKEN = "IQoJb3JpZ2luX2Vj" * 20
FORMS = {
    "a proxy": "cannot reach the proxy http://socks5://user:SECRET@127.0.0.1:1",
    "a URL with odd characters": "https://user:SECRET/p@ss%zz@host/path",
    "a URL in quotes": "not an endpoint URL: 'ftp://SECRET@host'",
    "a secret key": f"{{'key': '{SECRET}'}}",
    "a secret key after its name": "aws_secret_access_key = SECRET",
    "JSON": '{"SecretAccessKey": "SECRET", "SessionToken":"SECRET"}',
    "a token": f"x-amz-security-token:{TOKEN}",
    "a token alone": f"Unknown string format: {TOKEN}",
    "a header": "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/x, Signature=SECRET",
    "a bearer": "sent Bearer SECRETSECRET to it",
    "a query": "https://host/?X-Amz-Signature=SECRET&a=b",
    "a password": "password: SECRET",
    "a web token": "no: eyJhbGciOiJIUzI1NiJ9.eyJTRUNSRVQiOiJTRUNSRVQifQ.SECRETSECRET",
    "XML": "b'<SecretAccessKey>SECRET</SecretAccessKey><SessionToken>SECRET'",
    "JSON in JSON": r"{\"SecretAccessKey\": \"SECRET\"}",
    "a percent-encoded query": "?SecretAccessKey%3DSECRET",
    "a secret key at the end": f"it was {SECRET}.",
    "a secret key as a value": f"key={SECRET}",
    "a password of two words": "'password': 'two SECRET'",
    "a password with a quote": r'"password": "two\"SECRET"',
    "words of settings": "pwd=SECRET pass=SECRET secret=SECRET token=SECRET PGPASSWORD=SECRET sig=SECRET",
    "a cookie": "Set-Cookie: id=SECRET; Path=/",
    "a private key": "-----BEGIN RSA PRIVATE KEY-----\nSECRET\nSECRET\n-----END RSA PRIVATE KEY-----",
    "a cut private key": "-----BEGIN PRIVATE KEY-----\nSECRET",
    "a token of GitHub": "ghp_SECRETSECRETSECRETSECRETSECRETSECRET and github_pat_SECRETSECRET_SECRETSECRET",
    "a token of a model's service": "sk-ant-api03-SECRETSECRETSECRET-SECRET",
    "the id of a key": "AKIAIOSFODNN7EXAMPLE and ASIAIOSFODNN7EXAMPLE",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS.keys())
def test_masked(text: str) -> None:
    error = AgentcoreSandboxError("Code", f"before {text}", f"hint {text}")
    for shown in (error.message, error.hint, str(error), UsageError(text).message):
        assert "***" in shown
        assert not any(secret in shown for secret in ("SECRET", SECRET, TOKEN, "IOSFODNN7"))


PLAIN = [
    "cannot reach https://bedrock-agentcore.us-west-2.amazonaws.com",
    "not allowed: iam:CreateRole on arn:aws:iam::123456789012:role/BedrockAgentCore-demo-us-east-1",
    "e1d211b0aa541f3d22bd22da6f0a9031e1d211b0 is a commit",
    "/home/user/Projects/agentcore-sandbox/tests/unit/test_errors.py",
    f"/home/User/.local/state/{'Folder1/' * 20}225592ef27667c3f335bad8f87d3f314.json cannot be read",
    f"no such file: {'a' * 300}",
    "/home/Me/" + "Projects1/deep/" * 20,
    "/home/user/Projects1/with/40/characters/",
    "/var/lib/docker/overlay2/" + "0123456789abcdef" * 8,
    "session 01JDXK5W8Z3V9Q2R7T6Y4M1N0P is gone",
    "my_interpreter-AbCdEfGh12 is READY",
    "there is no SSO session; run: aws sso login --profile work",
    "give each --tag KEY=VALUE another key",
    "unexpected token: '}' after the password",
    "the task-0123456789abcdef0123 of npm_config_registry_of_the_project",
    "public-key -----BEGIN CERTIFICATE-----",
]


@pytest.mark.parametrize("text", PLAIN)
def test_not_masked(text: str) -> None:
    assert masked(text) == text


@given(
    scheme=st.sampled_from(["http", "https", "socks5", "socks5h", "ftp", "HTTP"]),
    password=st.text(string.ascii_letters + string.digits + "!#$%&()*+,-./:;=?@[]^_{|}~", min_size=1),
)
def test_no_password_of_a_url(scheme: str, password: str) -> None:
    assert masked(f"no way to {scheme}://me:{password}@host:1 now") == f"no way to {scheme}://***@host:1 now"


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a://",
        ",",
        "eyJ-",
        "eyJ.",
        "A1b,",
        "/",
        "aA1/",
        "secret_key=",
        "a@",
        "pass=",
        'password="',
        "-----BEGIN PRIVATE KEY-----",
        "cookie:",
    ],
)
def test_no_text_takes_long(unit: str) -> None:
    assert len(masked(unit * 100_000)) <= MAX_MESSAGE + 10


def test_the_traceback_of_a_bug_shows_no_credentials(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(**_given: object) -> int:
        raise TypeError("a" * MAX_MESSAGE + f"\n{TOKEN}\nthe end") from ValueError(f"aws_secret_access_key = {SECRET}")

    monkeypatch.setenv("AGENTCORE_SANDBOX_DEBUG", "1")
    monkeypatch.setattr(completion, "run", fail)
    assert dispatch.main(["completion", "bash"]) == 125
    said = capfd.readouterr().err
    assert "the end\nerror[Internal]: TypeError" in said
    monkeypatch.setattr(completion, "run", lambda **_given: 1 // 0)
    assert dispatch.main(["completion", "bash"]) == 125
    said += capfd.readouterr().err
    assert "in <lambda>" in said
    assert not {SECRET, TOKEN} & set(said.split())

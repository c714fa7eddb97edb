"""Where credentials come from, with real profiles and moto's STS, and that none of them is ever shown."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.aws import connect
from support import fault_server, loopback
from support.fault_server import SESSION
from support.processes import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.fault_server import FaultServer

NO_STS = {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"}
ROLE_PROFILE = """\
[profile base]
aws_access_key_id = AKIDBASE
aws_secret_access_key = profile-secret
[profile work]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = base
"""
SECRETS = (b"dummy-secret", b"dummy-token", b"profile-secret", b"value-secret")


@pytest.fixture
def no_credentials(quick: CommandLine, faults: FaultServer) -> CommandLine:
    """A caller with a region and an interpreter, but no credentials, and no metadata service to ask."""
    more = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "us-west-2",
        "CUSTOM_AGENTCORE_INTERPRETER_ID": "aws.codeinterpreter.v1",
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": faults.url,
    }
    return quick.using(**more)


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    with loopback.moto() as url:
        yield url


def write_config(cli: CommandLine, text: str) -> None:
    (cli.home / ".aws").mkdir()
    (cli.home / ".aws" / "config").write_text(text)


def key_of(faults: FaultServer) -> str:
    """The access key that signed the last request."""
    return faults.requests[-1].headers["Authorization"].partition("Credential=")[2].partition("/")[0]


def test_no_credentials(no_credentials: CommandLine, faults: FaultServer) -> None:
    done = no_credentials.run("run", "x")
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[NoCredentials]: no AWS credentials found\nhint: ")
    assert faults.requests == []


@pytest.mark.parametrize("flags", [["--profile", "nobody"], []], ids=["flag", "variable"])
def test_unknown_profile(no_credentials: CommandLine, flags: list[str]) -> None:
    done = no_credentials.run("run", *flags, "x", env={"AWS_PROFILE": "nobody"})
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[UnknownProfile]: there is no AWS profile")


def test_the_near_profile_is_named(no_credentials: CommandLine, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[profile development]\n[profile production]\n")
    done = no_credentials.run("run", "--profile", "develpment", "x", env={"AWS_CONFIG_FILE": str(config)})
    assert done.returncode == 125
    assert b"hint: did you mean development? list them with: " in done.stderr


def test_no_region(aws: CommandLine, faults: FaultServer) -> None:
    done = aws.run("run", "x", env={"AWS_REGION": ""})
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[NoRegion]: no AWS region is set\nhint: set --region")
    assert faults.requests == []


def test_sso_session_expired(no_credentials: CommandLine) -> None:
    write_config(
        no_credentials,
        "[profile work]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session s]\nsso_region = us-west-2\nsso_start_url = https://example.invalid/start\n",
    )
    done = no_credentials.run("run", "--profile", "work", "x")
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[SsoSessionExpired]")
    assert b"hint: run: aws sso login --profile work\n" in done.stderr


def test_credential_process_that_fails_shows_nothing_of_it(no_credentials: CommandLine) -> None:
    write_config(no_credentials, "[profile work]\ncredential_process = sh -c 'echo dummy-secret >&2; exit 1'\n")
    done = no_credentials.run("run", "--profile", "work", "x")
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[NoCredentials]: credential_process of profile 'work' failed with status 1")
    assert b"dummy-secret" not in done.stderr + done.stdout


def test_profile_region_and_variables(no_credentials: CommandLine, faults: FaultServer) -> None:
    write_config(
        no_credentials,
        "[profile work]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = profile-secret\nregion = eu-west-3\n",
    )
    env = {"AWS_REGION": "", "AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "dummy-secret"}
    for flags, more in ((["--profile", "work"], {}), ([], {"CUSTOM_AGENTCORE_AWS_PROFILE": "work"})):
        done = no_credentials.run("exec", SESSION, *flags, "--cmd", "true", env={**env, **more})
        assert done.returncode == 0, done.stderr
        assert key_of(faults) == "AKIDPROFILE"
        assert "AWS_REGION=eu-west-3" in faults.requests[-1].body["arguments"]["command"]


def test_assumed_role(no_credentials: CommandLine, faults: FaultServer, moto_url: str) -> None:
    write_config(no_credentials, ROLE_PROFILE)
    done = no_credentials.run("exec", SESSION, "--profile", "work", "x", env={"AWS_ENDPOINT_URL_STS": moto_url})
    assert done.returncode == 0, done.stderr
    assert key_of(faults).startswith("ASIA")
    assert faults.requests[-1].headers["X-Amz-Security-Token"]


def aws_cli(caller: CommandLine, **env: str) -> None:
    words = ["-m", "awscli", "bedrock-agentcore", "start-code-interpreter-session", "--profile", "work"]
    command = (sys.executable, *words, "--code-interpreter-identifier", "aws.codeinterpreter.v1")
    done = CommandLine(command, caller.home, caller.base).run(env={"AWS_DEFAULT_REGION": "us-west-2", **env})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("first", ["AWS CLI", "agentcore-sandbox"])
def test_the_cache_of_the_aws_cli_spares_a_call_of_sts(
    no_credentials: CommandLine, faults: FaultServer, moto_url: str, first: str
) -> None:
    write_config(no_credentials, ROLE_PROFILE)
    command = ("exec", SESSION, "--profile", "work", "--cmd", "true")
    sts = {"AWS_ENDPOINT_URL_STS": moto_url}
    if first == "AWS CLI":
        aws_cli(no_credentials, **sts)
        assert no_credentials.run(*command, env=NO_STS).returncode == 0
    else:
        assert no_credentials.run(*command, env=sts).returncode == 0
        assert no_credentials.run(*command, env=NO_STS).returncode == 0
        aws_cli(no_credentials, **NO_STS)
    assert len({request.headers["Authorization"].split("/")[0] for request in faults.requests}) == 1
    [kept] = (no_credentials.home / ".aws/cli/cache").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_cache_that_cannot_be_written_is_done_without(
    no_credentials: CommandLine, faults: FaultServer, moto_url: str
) -> None:
    write_config(no_credentials, ROLE_PROFILE)
    (no_credentials.home / ".aws" / "cli").touch()
    done = no_credentials.run("exec", SESSION, "--profile", "work", "x", env={"AWS_ENDPOINT_URL_STS": moto_url})
    assert (done.returncode, done.stderr) == (0, b"")
    assert key_of(faults).startswith("ASIA")


def test_a_stopped_sts_is_a_network_error(no_credentials: CommandLine) -> None:
    write_config(no_credentials, ROLE_PROFILE)
    done = no_credentials.run("run", "--profile", "work", "x", env=NO_STS)
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[NoNetwork]")


def test_no_network(aws: CommandLine) -> None:
    done = aws.run("run", "--endpoint-url", "http://127.0.0.1:1", "x")
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[NoNetwork]: cannot reach http://127.0.0.1:1\nhint: check the network")


def test_a_proxy_is_not_asked_for_this_machine(aws: CommandLine, faults: FaultServer) -> None:
    proxy = {"HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1"}
    done = aws.run("run", "--endpoint-url", faults.url, "x", env=proxy)
    assert done.returncode == 0, done.stderr


class Proxy(BaseHTTPRequestHandler):
    status: int

    def do_CONNECT(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("status", "variables", "code", "message"),
    [
        (403, {}, "HostRefused", "the proxy {proxy} does not let {host} be reached"),
        (403, {"SANDBOX_RUNTIME": "1"}, "HostRefused", "Claude Code's sandbox does not let {host} be reached"),
        (407, {}, "AwsConfiguration", "the proxy {proxy} wants a name and a password"),
        (502, {}, "NoNetwork", "the proxy {proxy} cannot reach {host}: 502 Bad Gateway"),
    ],
    ids=["403", "sandbox", "407", "502"],
)
def test_what_a_proxy_answers(
    aws: CommandLine, status: int, variables: dict[str, str], code: str, message: str
) -> None:
    host = "bedrock-agentcore.eu-west-1.example.invalid"
    with loopback.serving(Proxy, status=status) as proxy:
        env = {"HTTPS_PROXY": proxy, "AWS_MAX_ATTEMPTS": "1", **variables}
        done = aws.run("run", "--endpoint-url", f"https://{host}", "x", env=env)
    assert done.returncode == 125
    first, hint, *_ = done.stderr.decode().splitlines()
    assert first == f"error[{code}]: {message.format(proxy=proxy, host=host)}"
    assert (f'"allowedDomains": ["{host}"]' in hint) == bool(variables)


class SilentProxy(Proxy):
    def do_CONNECT(self) -> None:
        self.rfile.read()


def test_a_sandbox_that_asks_its_user_first_is_named(aws: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "CONNECT_SECONDS", 0.5)
    with loopback.serving(SilentProxy) as proxy:
        env = {"HTTPS_PROXY": proxy, "AWS_MAX_ATTEMPTS": "1", "SANDBOX_RUNTIME": "1"}
        done = aws.run("run", "--endpoint-url", "https://host.example.invalid", "x", env=env)
    assert b"error[ConnectionLost]" in done.stderr
    assert b"if Claude Code asks whether host.example.invalid may be reached, answer, or add to" in done.stderr


FAILURES = {
    "denied": (fault_server.error(403, "AccessDeniedException", "no"), "AccessDenied"),
    "signature": (
        fault_server.error(403, "InvalidSignatureException", "x-amz-security-token:dummy-token"),
        "InvalidCredentials",
    ),
    "expired": (fault_server.error(403, "ExpiredTokenException", "expired"), "ExpiredCredentials"),
    "quota": (fault_server.error(402, "ServiceQuotaExceededException", "too many"), "QuotaExceeded"),
}


@pytest.mark.parametrize(("answer", "code"), FAILURES.values(), ids=FAILURES.keys())
@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["text", "json"])
def test_no_secret_in_any_output(
    aws: CommandLine, faults: FaultServer, answer: object, code: str, as_json: list[str]
) -> None:
    faults.answers["start"] = answer  # type: ignore[assignment] # a row of the table
    env = {"AWS_SESSION_TOKEN": "dummy-token", "AGENTCORE_SANDBOX_DEBUG": "1"}
    done = aws.run("run", "--env", "A=value-secret", *as_json, "x", env=env)
    assert done.returncode == 125
    assert code in (json.loads(done.stdout)["error"]["code"] if as_json else done.stderr.decode())
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)

"""Every source of credentials, and every setting of AWS's, when it is wrong: the error names it, and is never a bug."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.aws import credentials
from support import loopback, tables
from support.fault_server import SESSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.processes import CommandLine

OUTPUT = {"Version": 1, "AccessKeyId": "AKIDPROCESS", "SecretAccessKey": "process-secret"}
ROLE = """\
[profile base]
aws_access_key_id = AKIDBASE
aws_secret_access_key = profile-secret
[profile work]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = base
"""
MFA = f"{ROLE}mfa_serial = arn:aws:iam::123456789012:mfa/me\n"
KEYS = "aws_access_key_id = AKIDBASE\naws_secret_access_key = profile-secret\n"


@dataclass(frozen=True)
class Case:
    """A configuration, more variables, and what the error must say."""

    code: str
    words: str
    config: str = f"[profile work]\n{KEYS}"
    env: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ("--profile", "work")


def process(output: object, command: str = "") -> str:
    """A profile whose credential process prints this."""
    printed = output if isinstance(output, str) else json.dumps(output)
    return f"[profile work]\ncredential_process = {command or f'printf %s {json.dumps(printed)}'}\n"


CASES = {
    "process prints nothing": Case("NoCredentials", "credential_process of profile 'work' does not", process("")),
    "process prints no JSON": Case("NoCredentials", "does not print credentials as JSON", process("hello")),
    "process prints a list": Case("NoCredentials", "does not print credentials as JSON", process([1])),
    "process prints bytes": Case("NoCredentials", "does not print", process("", r"""printf '\377'""")),
    "process without a key": Case("NoCredentials", "SecretAccessKey", process({"Version": 1, "AccessKeyId": "A"})),
    "process of version 2": Case("NoCredentials", "Unsupported version", process({**OUTPUT, "Version": 2})),
    "process that fails": Case("NoCredentials", "failed with status 3", process("", "sh -c 'exit 3'")),
    "process that says bytes": Case("NoCredentials", "'work'", process("", r"""sh -c "printf '\377' >&2; exit 1" """)),
    "process that is not there": Case("NoCredentials", "cannot be started: /no/program", process("", "/no/program")),
    "process that cannot be split": Case("NoCredentials", "cannot be read: No closing", process("", 'a "b')),
    "process with an odd time": Case(
        "NoCredentials", "Expiration that is not a time", process({**OUTPUT, "Expiration": "soon"})
    ),
    "process with a list as time": Case(
        "NoCredentials", "Expiration that is not a time", process({**OUTPUT, "Expiration": [1]})
    ),
    "process with old credentials": Case(
        "ExpiredCredentials", "credential_process", process({**OUTPUT, "Expiration": "2020-01-01T00:00:00Z"})
    ),
    "process of a role": Case(
        "NoCredentials",
        "of profile 'base'",
        "[profile base]\ncredential_process = echo x\n[profile work]\nrole_arn = arn:aws:iam::123456789012:role/r\n"
        "source_profile = base\n",
    ),
    "half a key": Case("NoCredentials", "incomplete", "[profile work]\naws_access_key_id = A\n"),
    "half a key in variables": Case("NoCredentials", "incomplete", "", {"AWS_ACCESS_KEY_ID": "A"}, ()),
    "odd expiry in variables": Case(
        "NoCredentials",
        "the AWS_* variables",
        "",
        {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B", "AWS_CREDENTIAL_EXPIRATION": "soon"},
        (),
    ),
    "expired variables": Case(
        "ExpiredCredentials",
        "the AWS_* variables",
        "",
        {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B", "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"},
        (),
    ),
    "circle of roles": Case(
        "AwsConfiguration", "work", "[profile work]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = work\n"
    ),
    "role without source": Case("NoCredentials", "incomplete", "[profile work]\nrole_arn = arn:aws:iam::1:role/r\n"),
    "source that is not there": Case(
        "AwsConfiguration", "lost", "[profile work]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = lost\n"
    ),
    "unknown kind of source": Case(
        "AwsConfiguration", "Moon", "[profile work]\nrole_arn = arn:aws:iam::1:role/r\ncredential_source = Moon\n"
    ),
    "short ARN of a role": Case("AwsConfiguration", "RoleArn", ROLE.replace("arn:aws:iam::123456789012:role/r", "x")),
    "no web identity file": Case(
        "NoCredentials",
        "/no/token: No such file",
        "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/r\nweb_identity_token_file = /no/token\n",
    ),
    "SSO without its keys": Case("AwsConfiguration", "sso_", "[profile work]\nsso_account_id = 1\nsso_role_name = r\n"),
    "SSO session that is not there": Case(
        "AwsConfiguration", "lost", "[profile work]\nsso_session = lost\nsso_account_id = 1\nsso_role_name = r\n"
    ),
    "not a container's host": Case(
        "NoCredentials",
        "AWS_CONTAINER_",
        "",
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/"},
        (),
    ),
    "no container's token": Case(
        "NoCredentials",
        "/no/token: No such file",
        "",
        {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/no/token",
        },
        (),
    ),
    "file that cannot be parsed": Case("AwsConfiguration", "config", "[profile work\nx"),
    "file that is no text": Case("AwsConfiguration", "config", "[profile work]\nx = \udcff\n"),
    "attempts": Case("AwsConfiguration", "AWS_MAX_ATTEMPTS cannot be used", env={"AWS_MAX_ATTEMPTS": "abc"}),
    "attempts in the file": Case(
        "AwsConfiguration", "max_attempts in the AWS configuration", f"[profile work]\nmax_attempts = x\n{KEYS}"
    ),
    "no attempts": Case("AwsConfiguration", "AWS_MAX_ATTEMPTS", env={"AWS_MAX_ATTEMPTS": "0"}),
    "metadata time-out": Case(
        "AwsConfiguration", "AWS_METADATA_SERVICE_TIMEOUT", env={"AWS_METADATA_SERVICE_TIMEOUT": "x"}
    ),
    "metadata attempts": Case(
        "AwsConfiguration", "AWS_METADATA_SERVICE_NUM_ATTEMPTS", env={"AWS_METADATA_SERVICE_NUM_ATTEMPTS": "x"}
    ),
    "metadata mode": Case(
        "AwsConfiguration",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        env={"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv5"},
    ),
    "defaults mode": Case("AwsConfiguration", "AWS_DEFAULTS_MODE", env={"AWS_DEFAULTS_MODE": "fast"}),
    "endpoints of STS": Case(
        "AwsConfiguration", "AWS_STS_REGIONAL_ENDPOINTS", ROLE, {"AWS_STS_REGIONAL_ENDPOINTS": "near"}
    ),
    "checksums": Case(
        "AwsConfiguration", "AWS_REQUEST_CHECKSUM_CALCULATION", env={"AWS_REQUEST_CHECKSUM_CALCULATION": "x"}
    ),
    "compression": Case(
        "AwsConfiguration",
        "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES",
        env={"AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES": "-1"},
    ),
    "account in endpoints": Case(
        "AwsConfiguration", "AWS_ACCOUNT_ID_ENDPOINT_MODE", env={"AWS_ACCOUNT_ID_ENDPOINT_MODE": "x"}
    ),
    "region of no host": Case(
        "AwsConfiguration", "not a region name: '-x'", f"[profile work]\n{KEYS}region = -x\n", {"AWS_REGION": ""}
    ),
    "region of two words": Case(
        "AwsConfiguration", "not a region name: 'a b'", f"[profile work]\n{KEYS}region = a b\n", {"AWS_REGION": ""}
    ),
    "key with the end of a line": Case(
        "NoCredentials",
        "the access key is not one word",
        "",
        {"AWS_ACCESS_KEY_ID": "A\r", "AWS_SECRET_ACCESS_KEY": "B"},
        (),
    ),
    "token with the end of a line": Case(
        "NoCredentials",
        "the AWS_* variables cannot be used: the session token is not one word",
        "",
        {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B", "AWS_SESSION_TOKEN": "C\n"},
        (),
    ),
    "no credentials in a source": Case(
        "NoCredentials",
        "the credential source failed: Environment",
        "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/r\ncredential_source = Environment\n",
    ),
    "port of AgentCore": Case(
        "AwsConfiguration",
        "the endpoint's URL",
        env={"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": "http://127.0.0.1:99999"},
    ),
    "scheme of AgentCore": Case(
        "AwsConfiguration", "the endpoint's URL", env={"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": "ftp://127.0.0.1"}
    ),
    "endpoint that is no section": Case(
        "AwsConfiguration",
        "the endpoint's URL",
        f"[profile work]\n{KEYS}services = s\n[services s]\nbedrock_agentcore = x\n",
        {"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": ""},
    ),
    "endpoint of AgentCore": Case(
        "AwsConfiguration", "AWS_ENDPOINT_URL", env={"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": "not a URL"}
    ),
    "MFA without a terminal": Case("MfaRequired", "there is no terminal", MFA),
}


@pytest.fixture
def caller(quick: CommandLine, faults: FaultServer) -> CommandLine:
    """A caller with a region and an interpreter, but no credentials."""
    more = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "us-west-2",
        "CUSTOM_AGENTCORE_INTERPRETER_ID": "aws.codeinterpreter.v1",
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": faults.url,
    }
    return quick.using(**more)


def configure(caller: CommandLine, config: str) -> None:
    (caller.home / ".aws").mkdir()
    (caller.home / ".aws" / "config").write_text(config, errors="surrogateescape")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_is_wrong_is_named(caller: CommandLine, faults: FaultServer, case: Case) -> None:
    configure(caller, case.config)
    done = caller.run("run", *case.flags, "x", env=case.env)
    said = done.stderr.decode()
    assert said.startswith(f"error[{case.code}]: "), said
    assert case.words in said
    assert "\nhint: " in said
    assert not re.search("profile-secret|process-secret", said)
    assert (done.returncode, faults.requests) == (125, [])


@pytest.mark.parametrize("case", tables.first(12, CASES.values()), ids=CASES.keys())
def test_doctor_says_it_too(caller: CommandLine, case: Case) -> None:
    configure(caller, case.config)
    done = caller.run("doctor", *case.flags, env=case.env)
    failures = [line for line in done.stdout.decode().splitlines() if line.startswith("failure")]
    assert (done.returncode, done.stderr) == (1, b"")
    assert any(case.words in line for line in done.stdout.decode().splitlines()), failures


WITH_VARIABLES = [case for case in CASES.values() if case.env]


@pytest.mark.parametrize("case", tables.first(4, WITH_VARIABLES), ids=lambda case: next(iter(case.env)))
def test_the_emulator_needs_none_of_it(caller: CommandLine, case: Case) -> None:
    configure(caller, case.config)
    local = {"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": "", "CUSTOM_AGENTCORE_INTERPRETER_ID": "local"}
    done = caller.run("sessions", env={**case.env, **local})
    assert (done.returncode, done.stderr) == (0, b"no sessions\n")
    assert caller.run("local", "stop").returncode == 0


CACHED = {"no JSON": "{", "a list": "[]", "no credentials": "{}", "no time": '{"Credentials": {"Expiration": "x"}}'}


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    with loopback.moto() as url:
        yield url


@pytest.mark.parametrize("content", CACHED.values(), ids=CACHED.keys())
def test_a_damaged_cache_is_a_cache_miss(caller: CommandLine, faults: FaultServer, moto_url: str, content: str) -> None:
    configure(caller, ROLE)
    command = ("exec", SESSION, "--profile", "work", "x")
    assert caller.run(*command, env={"AWS_ENDPOINT_URL_STS": moto_url}).returncode == 0
    (kept,) = (caller.home / ".aws/cli/cache").iterdir()
    kept.write_text(content)
    faults.requests.clear()
    done = caller.run(*command, env={"AWS_ENDPOINT_URL_STS": moto_url})
    assert (done.returncode, done.stderr) == (0, b"")
    assert faults.requests
    assert "AccessKeyId" in kept.read_text()


class StsAnswer(BaseHTTPRequestHandler):
    """Answers each request with the same body."""

    body: bytes

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def test_the_answer_that_should_have_had_credentials_is_not_shown(caller: CommandLine, faults: FaultServer) -> None:
    configure(caller, ROLE)
    body = b"<AssumeRoleResponse><SecretAccessKey>sts-secret</SecretAccessKey><SessionToken>sts"
    with loopback.serving(StsAnswer, body=body) as url:
        done = caller.run("run", "--profile", "work", "x", env={"AWS_ENDPOINT_URL_STS": url})
    assert b"credentials from the role of the profile cannot be used: the answer is not one" in done.stderr
    assert b"sts-secret" not in done.stderr
    assert faults.requests == []


class ContainerAnswer(StsAnswer):
    def do_GET(self) -> None:
        self.do_POST()


def test_a_containers_answer_that_lacks_a_key_names_it(caller: CommandLine) -> None:
    configure(caller, "")
    with loopback.serving(ContainerAnswer, body=b'{"SecretAccessKey": "container-secret"}') as url:
        done = caller.run("run", "x", env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": url})
    assert b"the container's credentials (AWS_CONTAINER_*) cannot be used: the answer has no 'Access" in done.stderr
    assert b"container-secret" not in done.stderr


WEB_IDENTITY = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "{token}"}
CONTAINER = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{token}",
}


@pytest.mark.parametrize("variables", [WEB_IDENTITY, CONTAINER], ids=["web identity", "container"])
@pytest.mark.parametrize("token", ["pipe", "/dev/zero"])
def test_a_token_that_never_ends_is_not_waited_for(
    caller: CommandLine, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], token: str
) -> None:
    monkeypatch.setattr(credentials, "TOKEN_SECONDS", 1)
    configure(caller, "")
    os.mkfifo(caller.home / "pipe")
    path = caller.home / token
    done = caller.run("run", "x", env={name: value.format(token=path) for name, value in variables.items()})
    assert done.returncode == 125
    source = "web identity" if variables is WEB_IDENTITY else "container"
    assert f"error[NoCredentials]: credentials from the {source}" in done.stderr.decode()
    assert f"{path}: no token that ends within" in done.stderr.decode()


def test_a_token_may_come_from_a_pipe(caller: CommandLine, faults: FaultServer, moto_url: str) -> None:
    configure(caller, "")
    path = caller.home / "pipe"
    os.mkfifo(path)
    variables = {name: value.format(token=path) for name, value in WEB_IDENTITY.items()}
    writer = threading.Thread(target=path.write_text, args=("token",))
    writer.start()
    done = caller.run("exec", SESSION, "x", env={"AWS_ENDPOINT_URL_STS": moto_url, **variables})
    writer.join()
    assert (done.returncode, done.stderr) == (0, b"")
    assert faults.requests


def test_a_credential_process_does_not_read_our_input(caller: CommandLine, faults: FaultServer) -> None:
    configure(caller, process("", f"sh -c 'cat >&2; printf %s \\'{json.dumps(OUTPUT)}\\''"))
    script = caller.home / "helper"
    script.write_text(f"#!/bin/sh\ncat >/dev/null\nprintf %s '{json.dumps(OUTPUT)}'\n")
    script.chmod(0o755)
    (caller.home / ".aws" / "config").write_text(process("", str(script)))
    done = caller.run_process("exec", SESSION, "--profile", "work", "-", stdin=b"first line\nsecond line\n")
    assert done.returncode == 0, done.stderr
    assert faults.programs() == ["first line\nsecond line\n"]


def test_expired_role_keeps_the_services_words(caller: CommandLine, moto_url: str) -> None:
    configure(caller, ROLE)
    done = caller.run("run", "--profile", "work", "x", env={"AWS_ENDPOINT_URL_STS": f"{moto_url}/nothing-of-sts"})
    assert done.returncode == 125
    assert b"Internal" not in done.stderr


@dataclass
class Terminal:
    """The command line as the leader of a session with a terminal of its own."""

    process_id: int
    descriptor: int
    seen: bytes = b""

    def read_until(self, words: bytes) -> None:
        while words not in self.seen:
            self.seen += os.read(self.descriptor, 4096)

    def end(self) -> int:
        try:
            while data := os.read(self.descriptor, 4096):
                self.seen += data
        except OSError:
            pass  # how Linux says that the other side is closed
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(os.waitpid(self.process_id, 0)[1])


def on_terminal(caller: CommandLine, *words: str, env: dict[str, str], folder: Path) -> Terminal:
    process_id, descriptor = pty.fork()
    if process_id == 0:
        # The shell says afterwards whether the terminal still echoes.
        script = 'trap : INT; "$@"; status=$?; stty -a | grep -o " -\\?echo\\b"; exit $status'
        os.chdir(folder)
        os.execve("/bin/sh", ["sh", "-c", script, "sh", *caller.command, *words], caller.environment(**env))  # noqa: S606
    return Terminal(process_id, descriptor)


def test_mfa_code_is_asked_for_on_a_terminal(caller: CommandLine, faults: FaultServer, moto_url: str) -> None:
    configure(caller, MFA)
    env = {"AWS_ENDPOINT_URL_STS": moto_url}
    terminal = on_terminal(caller, "exec", SESSION, "--profile", "work", "x", env=env, folder=caller.home)
    terminal.read_until(b"Enter MFA code")
    os.write(terminal.descriptor, b"654321\n")
    assert terminal.end() == 0, terminal.seen
    assert b"654321" not in terminal.seen
    assert faults.requests
    assert caller.run("exec", SESSION, "--profile", "work", "x").returncode == 0  # from the cache


@pytest.mark.parametrize("typed", [b"abc\n", b"\n", b"\x04"], ids=["letters", "nothing", "end of input"])
def test_what_is_no_mfa_code(caller: CommandLine, moto_url: str, typed: bytes) -> None:
    configure(caller, MFA)
    env = {"AWS_ENDPOINT_URL_STS": moto_url}
    terminal = on_terminal(caller, "run", "--profile", "work", "x", env=env, folder=caller.home)
    terminal.read_until(b"Enter MFA code")
    os.write(terminal.descriptor, typed)
    assert terminal.end() == 125
    assert b"error[MfaRequired]: that is not an MFA code" in terminal.seen


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_one_interrupt_at_the_mfa_prompt_is_enough(caller: CommandLine, command: str) -> None:
    configure(caller, MFA)
    words = (command, "--profile", "work", *(["x"] if command == "run" else []))
    terminal = on_terminal(caller, *words, env={}, folder=caller.home)
    terminal.read_until(b"Enter MFA code")
    os.write(terminal.descriptor, b"\x03")
    assert terminal.end() == 128 + signal.SIGINT
    assert re.search(rb"(?<!-)echo\s*$", terminal.seen), terminal.seen

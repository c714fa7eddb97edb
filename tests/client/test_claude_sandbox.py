"""The command line in Claude Code's sandbox: the real runtime, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.build_folders import ROOT, write
from support.messages_api import messages_api, text, tool_use
from support.processes import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.claude_client import Client

PROGRAM = "AGENTCORE_TEST_SRT"
pytestmark = pytest.mark.skipif(PROGRAM not in os.environ, reason="`nox -s plugin` provides the runtime and dist/")

PYTHON = "/usr/bin/python3"  # one that an ordinary user can start too
NOBODY = 65534
MACHINE = "arm64" if platform.machine() == "aarch64" else "amd64"
REGION = "eu-west-1"
DATA_PLANE = f"bedrock-agentcore.{REGION}.amazonaws.com"
CONTROL_PLANE = f"bedrock-agentcore-control.{REGION}.amazonaws.com"
STS, SSO, OIDC = f"sts.{REGION}.amazonaws.com", "portal.sso.us-west-2.amazonaws.com", "oidc.us-west-2.amazonaws.com"
CONFIG = f"""
[profile keys]
region = {REGION}
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = dummy
[profile role]
region = {REGION}
role_arn = arn:aws:iam::123456789012:role/demo
source_profile = keys
[profile sso]
region = {REGION}
sso_session = demo
sso_account_id = 123456789012
sso_role_name = demo
[sso-session demo]
sso_region = us-west-2
sso_start_url = https://example.awsapps.com/start
"""


@dataclass(frozen=True)
class User:
    """Somebody with a home and an unpacked zipapp there, and the sandbox that Claude Code would run a command in.

    Attributes:
        folder: Theirs, with `home`, `project`, and `tmp`, the sandbox's TMPDIR.
        is_root: Otherwise it is an ordinary user.
    """

    folder: Path
    is_root: bool

    @property
    def words(self) -> list[str]:
        return [PYTHON, str(self.folder / "agentcore-sandbox.pyz")]

    def outside(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in the user's own shell."""
        return self._run([*self.words, *words])

    def inside(self, *words: str, nested: bool = False) -> subprocess.CompletedProcess[str]:
        """Run it as a command of its own in the sandbox, whose settings allow no host."""
        settings = self.folder / f"settings-{nested}.json"
        return self._run([os.environ[PROGRAM], "--settings", str(settings), "--", *self.words, *words])

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        identity: dict[str, Any] = (
            {} if self.is_root or os.geteuid() else {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        )
        return subprocess.run(
            command,
            cwd=self.folder / "project",
            env={
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "HOME": str(self.folder / "home"),
                "LANG": "C.UTF-8",
                "CLAUDECODE": "1",
                "CLAUDE_CODE_TMPDIR": str(self.folder / "tmp"),
                "XDG_RUNTIME_DIR": str(self.folder / "runtime"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
            **identity,
        )


def settings(folder: Path, *, nested: bool) -> str:
    return json.dumps(
        {
            "network": {"allowedDomains": [], "deniedDomains": []},
            "filesystem": {"denyRead": [], "denyWrite": [], "allowWrite": [".", str(folder / "tmp")]},
            "allowNestedUserNamespaces": nested,
        }
    )


def make_user(*, is_root: bool) -> User:
    folder = Path(tempfile.mkdtemp(prefix="acs-sandbox-"))
    folder.chmod(0o755)
    for name in ("home/.aws", "project", "tmp", "runtime"):
        (folder / name).mkdir(parents=True, mode=0o700)
    shutil.copy(ROOT / f"dist/zipapps/agentcore-sandbox-linux-{MACHINE}.pyz", folder / "agentcore-sandbox.pyz")
    (folder / "home/.aws/config").write_text(CONFIG)
    for nested in (False, True):
        (folder / f"settings-{nested}.json").write_text(settings(folder, nested=nested))
    if not is_root and os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    return User(folder, is_root)


@pytest.fixture(scope="module", params=["ordinary", "root"])
def user(request: pytest.FixtureRequest) -> Iterator[User]:
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("only root can be root")
    made = make_user(is_root=request.param == "root")
    yield made
    made.outside("local", "stop")
    shutil.rmtree(made.folder)


def copies(user: User) -> list[tuple[str, int]]:
    return [(str(path), path.stat().st_ino) for path in user.folder.rglob("0.*/site-packages")]


def test_it_is_unpacked_once_where_the_sandbox_lets_it(user: User) -> None:
    assert user.inside("--version").returncode == 0
    first = copies(user)
    assert user.inside("--version").returncode == 0
    assert copies(user) == first
    assert [path.startswith(str(user.folder / "tmp")) for path, _ in first] == [True]


def test_local_names_the_setting_that_lets_it_work(user: User) -> None:
    done = user.inside("run", "--interpreter-id", "local", "print(6 * 7)")
    assert done.returncode == 125
    assert "error[LocalSandboxUnavailable]" in done.stderr
    remedy = "as an ordinary user" if user.is_root else '{"sandbox": {"allowNestedUserNamespaces": true}} (2.1.305'
    assert remedy in done.stderr.splitlines()[-1]
    assert "sysctl user.max" not in done.stderr


def test_local_works_with_the_setting_also_while_an_emulator_runs_outside(user: User) -> None:
    assert user.outside("run", "--interpreter-id", "local", "print(6 * 7)").stdout == "42"
    done = user.inside("run", "--interpreter-id", "local", "print(6 * 7)", nested=True)
    if user.is_root:
        assert "root is the only user of this user namespace" in done.stderr
    else:
        assert (done.stdout, done.returncode) == ("42", 0), done.stderr
    assert user.outside("run", "--interpreter-id", "local", "print(6 * 7)").stdout == "42"


def test_names_and_jobs_are_kept_in_the_sandboxs_temporary_folder(user: User) -> None:
    words = ["job", "list"] if user.is_root else ["exec", "work", "--interpreter-id", "local", "print(6 * 7)"]
    for folder in (user.folder / "tmp").glob("agentcore-sandbox-*-state"):  # that another test has made
        shutil.rmtree(folder)
    usual = content(user.folder / "home/.local")
    first, second = (user.inside(*words, nested=True) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    told = f"names, jobs and history are kept in {user.folder / 'tmp'}/agentcore-sandbox-"
    assert (told in first.stderr, told in second.stderr) == (True, False)
    assert content(user.folder / "home/.local") == usual


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "host"),
    [
        (["run", "--profile", "keys", "1"], DATA_PLANE),
        (["run", "--profile", "role", "1"], STS),
    ],
    ids=["keys", "role"],
)
def test_a_host_that_is_not_allowed_is_named_with_its_entry(user: User, words: list[str], host: str) -> None:
    done = user.inside(*words, "--interpreter-id", "aws.codeinterpreter.v1")
    assert done.returncode == 125
    assert f"error[HostRefused]: Claude Code's sandbox does not let {host} be reached" in done.stderr
    assert f'{{"sandbox": {{"network": {{"allowedDomains": ["{host}"]}}}}}}' in done.stderr


def test_doctor_prints_the_settings_that_make_it_work(user: User) -> None:
    done = user.inside("doctor", "--json", "--profile", "sso", "--interpreter-id", "aws.codeinterpreter.v1")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    _, _, snippet = checks["hosts"]["remedy"].partition("settings ")
    hosts = [DATA_PLANE, CONTROL_PLANE, STS, SSO, OIDC]
    assert json.loads(snippet) == {"sandbox": {"network": {"allowedDomains": hosts}}}
    assert checks["state"]["message"].startswith(str(user.folder / "tmp"))
    assert checks["cache"]["status"] == "ok"
    remedy = "ordinary user" if user.is_root else '{"sandbox": {"allowNestedUserNamespaces": true}}'
    assert remedy in checks["local sandbox"]["remedy"]
    assert "Claude Code's sandbox forbids user namespaces" in checks["local namespaces"]["message"]


def test_the_skill_in_the_real_client_says_which_host_to_allow(client: Client, tmp_path: Path) -> None:
    """With the guard, the launcher, and the environment that Claude Code gives to a command in its sandbox."""
    name, interpreter = "aws-bedrock-agentcore-codeinterpreter", "interpreter_id=aws.codeinterpreter.v1"
    write(client.home / ".aws/config", CONFIG.replace("profile keys", "default"))
    client.run("plugin", "marketplace", "add", str(ROOT / "dist/marketplace"))
    client.run("plugin", "install", f"{name}@agentcore-sandbox", "--config", interpreter)
    settings_file = client.home / ".claude/settings.json"
    sandbox = {"enabled": True, "failIfUnavailable": True, "allowUnsandboxedCommands": False}
    settings_file.write_text(json.dumps({**json.loads(settings_file.read_text()), "sandbox": sandbox}))
    calls = [f"agentcore-sandbox --locked {words} 'print(1)'" for words in ("run", "exec work")]
    turns = [[tool_use("Bash", command=call, description="a test")] for call in calls]
    # The client makes sockets there, whose paths would be too long in a folder of pytest's.
    with tempfile.TemporaryDirectory() as folder, messages_api(*turns, [text("done")]) as (url, script):
        short = {"TMPDIR": folder, "CLAUDE_CODE_TMPDIR": folder}
        client.ask(f"/{name}:code-interpreter-execute-cli compute", tmp_path, url, **short)
    for _, said in script.tool_results():
        assert f"error[HostRefused]: Claude Code's sandbox does not let {DATA_PLANE} be reached" in said
        assert f'"allowedDomains": ["{DATA_PLANE}"]' in said
    assert len(script.tool_results()) == len(calls)

"""`setup` and its teardown: whatever ends them, and wherever, nothing is left behind or all can be removed later."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.account import policies
from support import tables
from support.processes import DEADLINE, CommandLine, eventually
from support.setups import LOG_GROUP, ROLE, WORDS, changes, names, set_up

if TYPE_CHECKING:
    import subprocess

    from account.conftest import Account
    from support.control_server import ControlServer
    from support.query_proxy import QueryProxy
    from support.stop import Stop


STEPS = {
    "role": {"CreateRole"},
    "inline policy": {"PutRolePolicy"},
    "caller policy": {"CreatePolicy"},
}


@pytest.mark.parametrize("refused", tables.first(1, STEPS.values()), ids=STEPS.keys())
def test_failure_of_an_iam_step_leaves_nothing(
    admin: CommandLine, account: Account, control: ControlServer, proxy: QueryProxy, refused: set[str]
) -> None:
    proxy.refused = refused
    done = admin.run("setup", *WORDS, "--yes")
    assert done.returncode == 125
    (action,) = refused
    assert f"error[AccessDenied]: not allowed: iam:{action} on arn:".encode() in done.stderr
    assert names(account, control) == []


def test_refused_create_leaves_nothing(admin: CommandLine, account: Account, control: ControlServer) -> None:
    control.refusals["create"] = [(402, "ServiceQuotaExceededException", "too many")]
    done = admin.run("setup", *WORDS, "--yes")
    assert done.returncode == 125
    assert b"error[QuotaExceeded]: too many" in done.stderr
    assert f"undone: role {ROLE}".encode() in done.stderr
    assert b"undone: interpreter" not in done.stderr
    assert names(account, control) == []


def test_failed_create_leaves_nothing(admin: CommandLine, account: Account, control: ControlServer) -> None:
    control.outcome = "CREATE_FAILED"
    done = admin.run("setup", *WORDS, "--yes")
    assert done.returncode == 125
    assert b"error[CreateFailed]" in done.stderr
    assert b"undone: interpreter demo\n" in done.stderr
    assert names(account, control) == []


def test_failure_of_a_change_restores_what_was(admin: CommandLine, account: Account, proxy: QueryProxy) -> None:
    set_up(admin)
    proxy.refused = {"CreatePolicyVersion"}
    other = ["demo", "--network", "sandbox", "--s3-read", "arn:aws:s3:::bucket", "--with-listing"]
    done = admin.run("setup", *other, "--yes")
    assert done.returncode == 125
    assert b"undone: the change of inline policy" in done.stderr
    proxy.refused = set()
    assert changes(admin) == ["keep"] * 4
    inline = account.client("iam").get_role_policy(RoleName=ROLE, PolicyName="execution")["PolicyDocument"]
    assert inline == policies.execution([policies.grant("logs_group", LOG_GROUP)])


def test_what_cannot_be_undone_is_told(admin: CommandLine, account: Account, proxy: QueryProxy) -> None:
    proxy.refused = {"CreatePolicy", "DeleteRole"}
    done = admin.run("setup", *WORDS, "--yes")
    assert done.returncode == 125
    assert b"error[AccessDenied]: not allowed: iam:CreatePolicy" in done.stderr
    assert f"could not undo role {ROLE}: not allowed: iam:DeleteRole".encode() in done.stderr
    assert f"left in the account: role {ROLE}; remove it with: agentcore-sandbox setup demo --teardown" in str(done)
    proxy.refused = set()
    assert admin.run("setup", "demo", "--teardown", "--yes").returncode == 0
    assert account.client("iam").list_roles()["Roles"] == []


@pytest.mark.parametrize("lost", tables.first(2, ["create", "PutRolePolicy", "CreateRole", "CreatePolicy"]))
def test_lost_answer_leaves_nothing_or_is_sent_again(
    admin: CommandLine, account: Account, control: ControlServer, proxy: QueryProxy, lost: str
) -> None:
    proxy.lost = {lost}
    control.lost = int(lost == "create")
    done = admin.run("setup", *WORDS, "--yes")
    if lost == "PutRolePolicy":  # which may be done twice
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 125
    assert b"error[ConnectionLost]: an answer was lost, and then: " in done.stderr
    assert names(account, control) == []


def signalled(child: subprocess.Popen[bytes], stop: Stop, signum: signal.Signals) -> bytes:
    """Send a signal while an operation is held, and let it go on when the child has noticed."""
    assert stop.reached.wait(DEADLINE)
    child.send_signal(signum)
    assert child.stderr
    said = b""
    while b"agentcore-sandbox: stopping\n" not in said:
        line = child.stderr.readline()
        assert line, said
        said += line
    stop.left.set()
    _, rest = child.communicate(timeout=DEADLINE)
    assert child.returncode == 128 + signum, said + rest
    assert b"Traceback" not in said + rest
    return said + rest


SIGNALS = {
    "CreateRole": signal.SIGINT,
    "PutRolePolicy": signal.SIGTERM,
    "create": signal.SIGINT,
    "CreatePolicy": signal.SIGTERM,
}


@pytest.mark.parametrize(("operation", "signum"), tables.first(2, SIGNALS.items()), ids=SIGNALS.keys())
def test_signal_in_any_step_undoes_everything(
    admin: CommandLine,
    account: Account,
    control: ControlServer,
    proxy: QueryProxy,
    operation: str,
    signum: signal.Signals,
) -> None:
    stop = control.stop if operation == "create" else proxy.stop
    stop.operation = operation
    said = signalled(admin.start("setup", *WORDS, "--yes"), stop, signum)
    assert f"undone: role {ROLE}\n".encode() in said
    assert names(account, control) == []


def test_signal_while_waiting_undoes_everything(admin: CommandLine, account: Account, control: ControlServer) -> None:
    control.outcome = "CREATING"
    child = admin.start("setup", *WORDS, "--yes")
    assert eventually(lambda: "get" in control.operations())
    child.send_signal(signal.SIGINT)
    seen = control.operations().count("get")
    assert eventually(lambda: control.operations().count("get") > seen + 1)  # the service does not delete it yet
    assert "delete" not in control.operations()
    control.outcome = "READY"
    _, said = child.communicate(timeout=DEADLINE)
    assert child.returncode == 128 + signal.SIGINT, said
    assert b"Traceback" not in said
    assert names(account, control) == []


def test_what_an_undo_leaves_keeps_what_it_needs(
    admin: CommandLine, account: Account, control: ControlServer, proxy: QueryProxy
) -> None:
    proxy.refused = {"CreatePolicy"}
    control.delete_outcome = "DELETE_FAILED"
    done = admin.run("setup", *WORDS, "--yes")
    assert done.returncode == 125
    assert b"could not undo interpreter demo: demo-" in done.stderr
    left = f"interpreter demo, inline policy execution of role {ROLE}, role {ROLE}"
    assert f"left in the account: {left}; remove it with: agentcore-sandbox setup demo --teardown" in str(done)
    assert names(account, control) == [ROLE, "demo"]
    proxy.refused, control.delete_outcome = set(), "DELETED"
    assert admin.run("setup", "demo", "--teardown", "--yes").returncode == 0
    assert names(account, control) == []


@pytest.mark.parametrize(
    "held",
    [
        "delete",
        *(pytest.param(f"Delete{what}", marks=pytest.mark.nightly) for what in ("Policy", "RolePolicy", "Role")),
    ],
)
def test_two_teardowns_at_once(
    admin: CommandLine, account: Account, control: ControlServer, proxy: QueryProxy, held: str
) -> None:
    set_up(admin)
    stop = control.stop if held == "delete" else proxy.stop
    stop.operation = held
    first = admin.start("setup", "demo", "--teardown", "--yes")
    assert stop.reached.wait(DEADLINE)
    second = admin.run("setup", "demo", "--teardown", "--yes")
    stop.left.set()
    said = first.communicate(timeout=DEADLINE)
    assert (second.returncode, second.stdout) == (0, b"nothing is left\n"), second.stderr
    assert (first.returncode, said[0]) == (0, b"nothing is left\n"), said
    assert names(account, control) == []


def test_signal_while_the_service_does_not_know_the_role(
    admin: CommandLine, account: Account, control: ControlServer
) -> None:
    words = "Role validation failed: the service cannot assume the role"
    control.refusals["create"] = [(400, "ValidationException", words)] * 100
    child = admin.start("setup", *WORDS, "--yes")
    assert eventually(lambda: control.operations().count("create") > 1)
    child.send_signal(signal.SIGTERM)
    _, said = child.communicate(timeout=DEADLINE)
    assert child.returncode == 128 + signal.SIGTERM, said
    assert b"undone: interpreter" not in said
    assert names(account, control) == []


def test_no_patience_is_told_what_may_be_left(admin: CommandLine, proxy: QueryProxy) -> None:
    proxy.stop.operation = "CreateRole"
    child = admin.start("setup", *WORDS, "--yes")
    assert proxy.stop.reached.wait(DEADLINE)
    assert child.stderr
    said = b""
    while b"exiting now" not in said:  # one signal after the other, as signals of a kind are not counted
        child.send_signal(signal.SIGINT)
        while not (line := child.stderr.readline()).startswith(b"agentcore-sandbox: "):
            assert line
        said += line
    proxy.stop.left.set()
    child.communicate(timeout=DEADLINE)
    assert child.returncode == 128 + signal.SIGINT
    assert b"`agentcore-sandbox setup NAME --teardown` removes it\n" in said


@pytest.mark.nightly
def test_interrupted_teardown_goes_on_where_it_was(
    admin: CommandLine, account: Account, control: ControlServer, proxy: QueryProxy
) -> None:
    set_up(admin)
    proxy.stop.operation = "DeletePolicy"
    said = signalled(admin.start("setup", "demo", "--teardown", "--yes"), proxy.stop, signal.SIGINT)
    assert b"run the same command again to continue\n" in said
    assert names(account, control) == [ROLE, "demo"]

    control.delete_outcome = "DELETING"
    child = admin.start("setup", "demo", "--teardown", "--yes")
    assert eventually(lambda: "delete" in control.operations())
    child.send_signal(signal.SIGTERM)
    _, said = child.communicate(timeout=DEADLINE)
    assert child.returncode == 128 + signal.SIGTERM, said
    assert names(account, control) == [ROLE, "demo"]

    again = admin.run("setup", *WORDS, "--yes")
    assert b"is DELETING" in again.stderr
    control.delete_outcome = "DELETED"
    assert admin.run("setup", "demo", "--teardown", "--yes").returncode == 0
    assert names(account, control) == []
    assert control.operations().count("delete") == 1

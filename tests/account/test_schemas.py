"""What the commands of an account print with --json is what docs/json-output.schema.json says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.schema import check

if TYPE_CHECKING:
    from support.processes import CommandLine


def test_interpreters(admin: CommandLine) -> None:
    made = check("interpreter create", admin, "interpreter", "create", "demo", "--network", "sandbox")
    check("interpreter list", admin, "interpreter", "list")
    check("interpreter show", admin, "interpreter", "show", made["interpreterId"])
    check("interpreter tag", admin, "interpreter", "tag", made["interpreterId"], "a=b")
    check("interpreter delete", admin, "interpreter", "delete", made["interpreterId"], "--yes")
    check("failure", admin, "interpreter", "show", made["interpreterId"], status=125)


def test_setup(admin: CommandLine) -> None:
    words = ["setup", "demo", "--network", "sandbox"]
    check("setup", admin, *words, "--dry-run")
    check("setup", admin, *words, "--yes")
    check("setup", admin, "setup", "demo", "--teardown", "--yes")


def test_the_rest(admin: CommandLine) -> None:
    check("policy trust", admin, "policy", "trust")
    check("policy execution", admin, "policy", "execution", "--s3-read", "arn:aws:s3:::bucket")
    check("policy caller", admin, "policy", "caller", "--interpreter-id", "aws.codeinterpreter.v1")
    check("template cloudformation", admin, "template", "cloudformation", "--network", "public")
    check("doctor", admin, "doctor", "--interpreter-id", "local")

"""Print a job's output: what is there, or with --follow all until it ends."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.signals import Interrupted
from agentcore_sandbox.commands.job import find_job

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from agentcore_sandbox import settings
    from agentcore_sandbox.cli.streams import LiveProgram
    from agentcore_sandbox.jobs.job import Job

_PIECE = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `job logs`."""
    parser.add_argument("--follow", "-f", action="store_true", help="go on while it runs")
    parser.add_argument("--raw", action="store_true", help="pass control sequences to a terminal unchanged")
    options.add_job(parser)


def run(*, flags: settings.Flags, job: str, follow: bool, raw: bool, as_json: bool) -> int:
    """Print the output. What was read before, by whichever process, comes from this machine.

    Args:
        flags: Replace what was noted of where it runs.
        job: Its id.
        follow: Go on while it runs.
        raw: Pass control sequences to a terminal unchanged.
        as_json: Print an object with the keys of `job list`, `stdout` and `stderr`.
    """
    output = Output(as_json=as_json, raw=raw)
    found = find_job(job, flags)
    with leaving_running(found, output), output.live() as live:
        offsets = _print_saved(found, live, (0, 0))
        for _ in found.save_output(follow=follow):
            offsets = _print_saved(found, live, offsets)
    if as_json:
        stdout, stderr = (data.decode("utf-8", "replace") for data in found.store.saved(found.record))
        output.data({**found.record.as_json(), "stdout": stdout, "stderr": stderr})
    elif found.record.is_lost:
        output.say(f"agentcore-sandbox: {found.loss_message()}; this is what had been saved")
    return 0


@contextmanager
def leaving_running(job: Job, output: Output) -> Iterator[None]:
    """Tell whoever interrupts the block that the job does not end with it."""
    try:
        yield
    except Interrupted as interrupted:
        job_id = job.record.job_id
        hint = f"job {job_id} goes on; agentcore-sandbox job stop {job_id} ends it"
        output.say(f"agentcore-sandbox: {hint}")
        raise Interrupted(interrupted.signum, job.record.as_json(), hint) from None


def _print_saved(job: Job, live: LiveProgram, offsets: tuple[int, int]) -> tuple[int, int]:
    while True:
        stdout, stderr = job.store.saved(job.record, offsets, _PIECE)
        if not stdout and not stderr:
            return offsets
        live.write(stdout, stderr, keep=False)
        offsets = (offsets[0] + len(stdout), offsets[1] + len(stderr))

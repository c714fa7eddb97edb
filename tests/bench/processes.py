"""Processes measured from outside, round by round: ours and the yardstick next to each other in time."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK = 1 << 20
HEAD = 1 << 16  # what is kept of each output: many of them must not make this process the largest


class BrokenMeasurementError(Exception):
    """A process did not do what was to be measured."""


@dataclass(frozen=True)
class Command:
    """A process to measure.

    Attributes:
        words: The program and its arguments.
        environment: All its variables.
        stdin: A file to read; None for nothing.
        output: What it must print; None for anything.
        size: How many bytes it must print; None for any number.
    """

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    stdin: Path | None = None
    output: bytes | None = None
    size: int | None = None


@dataclass(frozen=True)
class Sample:
    """What one run took.

    Attributes:
        seconds: From the start to the end of the process.
        first: Seconds until the first byte of its output; the whole time where there was none.
        cpu: Seconds of processor time, its children's included.
        peak: The most memory it held, in bytes; at least what this process held when it was started.
        output: What it printed, or the beginning of it.
    """

    seconds: float
    first: float
    cpu: float
    peak: int
    output: bytes


def measure(command: Command) -> Sample:
    """Run a process to its end.

    Raises:
        BrokenMeasurementError: It failed, or did not print what it must.
    """
    with tempfile.TemporaryFile() as stderr, Path(command.stdin or os.devnull).open("rb") as stdin:
        began = time.perf_counter()
        process = subprocess.Popen(
            command.words, env=command.environment, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr
        )
        first, size, head = _read(process)
        _, status, usage = os.wait4(process.pid, 0)
        ended = time.perf_counter()
        process.returncode = os.waitstatus_to_exitcode(status)
        stderr.seek(0)
        _check(command, process.returncode, head, size, stderr.read())
    cpu = usage.ru_utime + usage.ru_stime
    return Sample(ended - began, (first or ended) - began, cpu, usage.ru_maxrss * 1024, head)


def rounds(commands: Mapping[str, Command], runs: int) -> dict[str, list[Sample]]:
    """Measure commands in rounds, each with every command once, after one round that does not count.

    Args:
        commands: By name.
        runs: Number of rounds.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in commands}
    for number in range(runs + 1):
        # Backwards every other time: what the machine does meanwhile must not favour the first.
        for name in list(commands)[:: 1 if number % 2 else -1]:
            sample = measure(commands[name])
            if number:
                samples[name].append(sample)
    return samples


def peaks(samples: list[Sample]) -> list[int]:
    """The bytes that each run of `Stage.peak` has printed."""
    return [int(sample.output) for sample in samples]


def milliseconds(samples: list[Sample]) -> list[float]:
    """The time of each run."""
    return [sample.seconds * 1000 for sample in samples]


def _read(process: subprocess.Popen[bytes]) -> tuple[float | None, int, bytes]:
    """Read the output to its end; when the first of it came, its size, and its head."""
    first, size, head = None, 0, b""
    assert process.stdout is not None
    with process.stdout as pipe:
        while block := os.read(pipe.fileno(), BLOCK):
            first = first or time.perf_counter()
            size += len(block)
            head += block[: HEAD - len(head)]
    return first, size, head


def _check(command: Command, status: int, output: bytes, size: int, stderr: bytes) -> None:
    wrong = (command.output is not None and output != command.output) or (command.size or size) != size
    if status or wrong:
        told = f"status {status}, {size} bytes: {output[:200]!r}\n{stderr.decode(errors='replace')[-2000:]}"
        raise BrokenMeasurementError(f"{' '.join(command.words)}: {told}")

"""The command line against a compiled peer: a program over AWS's SDK for Go, at latencies like those of AWS."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from bench.figures import Figure
from bench.peers import AWS_LIKE, loopback
from bench.processes import Command, measure, milliseconds, peaks, rounds
from bench.stage import SCRIPTS
from bench.task import CODE, SNIPPETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from bench.peers import Peer
    from bench.processes import Sample
    from bench.stage import Stage

Taken = dict[str, list["Sample"]]
SESSION = "01FAULTSERVERSESSION000000"
PEER = "a program over AWS's SDK for Go"
MEBIBYTE = 1 << 20


def figures(stage: Stage, runs: int) -> Iterator[Figure]:
    """One program in a session of its own, one in a session that is there, a task of ten; without Go nothing."""
    if (program := build(stage)) is None:
        return
    with loopback() as peer:
        taken = _one_shots(stage, program, peer, runs)
        yield _against("run without latency", "ms", milliseconds, taken)
        yield _against("run: processor time", "ms", _cpu, taken)
        yield from _memory(stage, program, peer, runs)
    with loopback(**AWS_LIKE) as peer:
        yield from _at_aws_latencies(stage, program, peer, runs, "", (1.10, 2.9, 1.75))
    certificate, trusted = _certificates(stage)
    with loopback(**AWS_LIKE, certificate=certificate, trusted=trusted) as peer:
        yield from _at_aws_latencies(stage, program, peer, runs, " with TLS", (1.15, None, None))


def build(stage: Stage) -> Path | None:
    """The Go program, compiled; None where there is no Go."""
    program, go = stage.folder / "go-program", shutil.which("go")
    if go and not program.exists():
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME") or name.startswith("GO")}
        command = [go, "build", "-mod=readonly", "-modcacherw", "-buildvcs=false", "-o", str(program)]
        subprocess.run(command, cwd=SCRIPTS / "go", env=kept, check=True)
    return program if go else None


def ten_snippets(program: Path, env: Mapping[str, str]) -> float:
    """Seconds for a task of snippets with a process of Go for each step."""
    session = measure(Command((str(program), "start"), env))
    steps = [_go(program, env, "run", session.output.decode(), CODE)] * SNIPPETS
    ended = measure(_go(program, env, "stop", session.output.decode(), output=None))
    return session.seconds + ended.seconds + sum(measure(step).seconds for step in steps)


def _at_aws_latencies(
    stage: Stage, program: Path, peer: Peer, runs: int, how: str, limits: tuple[float | None, ...]
) -> Iterator[Figure]:
    once, one, ten = limits
    few = max(1, runs // 5)
    taken = _one_shots(stage, program, peer, runs)
    yield _against(f"run at AWS's latencies{how}", "ms", milliseconds, taken, once)
    execs = {
        "ours": stage.ours("exec", SESSION, CODE, env=peer.environment, output=b"hello"),
        "Go": _go(program, stage.environment(**peer.environment), "run", SESSION, CODE),
    }
    taken = rounds(execs, runs)
    yield _against(f"exec at AWS's latencies{how}", "ms", milliseconds, taken, one)
    ours = [_ten_of_ours(stage, peer.environment, f"task{number}{how}".replace(" ", "-")) for number in range(few)]
    theirs = [ten_snippets(program, stage.environment(**peer.environment)) for _ in range(few)]
    yield Figure(f"ten snippets in a named session{how}, against {PEER}", "s", ours, theirs, ten)


def _against(
    name: str, unit: str, values: Callable[[list[Sample]], list[float]], taken: Taken, limit: float | None = None
) -> Figure:
    return Figure(f"{name}, against {PEER}", unit, values(taken["ours"]), values(taken["Go"]), limit)


def _memory(stage: Stage, program: Path, peer: Peer, runs: int) -> Iterator[Figure]:
    env = stage.environment(**peer.environment)
    commands = {"ours": stage.ours("run", CODE, env=peer.environment), "Go": _go(program, env, "once", CODE)}
    taken = rounds({name: stage.peak(command) for name, command in commands.items()}, runs)
    ours, theirs = ([peak / MEBIBYTE for peak in peaks(samples)] for samples in taken.values())
    yield Figure("run: memory", "MiB", ours, limit=28)
    yield Figure(f"run: memory, against {PEER}", "MiB", ours, theirs)


def _one_shots(stage: Stage, program: Path, peer: Peer, runs: int) -> Taken:
    env = peer.environment
    ours = stage.ours("run", CODE, env=env, output=b"hello")
    return rounds({"ours": ours, "Go": _go(program, stage.environment(**env), "once", CODE)}, runs)


def _ten_of_ours(stage: Stage, env: Mapping[str, str], name: str) -> float:
    step = stage.ours("run", "--session", name, CODE, env=env, output=b"hello")
    return sum(measure(step).seconds for _ in range(SNIPPETS)) + measure(stage.ours("stop", name, env=env)).seconds


def _go(program: Path, env: Mapping[str, str], *words: str, output: bytes | None = b"hello") -> Command:
    return Command((str(program), *words), env, output=output)


def _certificates(stage: Stage) -> tuple[str, str]:
    """A certificate for the loopback address with its key, and it among those that clients come with."""
    own, trusted = stage.folder / "certificate.pem", stage.folder / "trusted.pem"
    subject = ("-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "-")
    openssl = shutil.which("openssl") or "openssl"
    made = subprocess.run([openssl, "req", "-x509", *key, *subject], capture_output=True, check=True).stdout
    own.write_bytes(made)
    [bundle] = stage.yardsticks.glob("lib/python*/site-packages/botocore/cacert.pem")
    trusted.write_bytes(bundle.read_bytes() + made.partition(b"-----END PRIVATE KEY-----\n")[2])
    return str(own), str(trusted)


def _cpu(samples: list[Sample]) -> list[float]:
    return [sample.cpu * 1000 for sample in samples]

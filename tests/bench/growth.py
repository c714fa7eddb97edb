"""Cost against amount: ten times as much must not take more than ten times as long, nor ten times as many requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from bench.figures import Figure
from bench.peers import embedded, loopback
from bench.processes import measure, rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from bench.peers import Service
    from bench.processes import Command, Sample
    from bench.stage import Stage

Costs = tuple[list[float], list[float]]  # seconds and requests, one of each a round
TIMES = 10
LINEAR = 1.1  # with a tenth for what disturbs the machine
JOBS = 4
JOB = "import time\nfor n in range(20): print(n, flush=True); time.sleep(0.1)"


def figures(stage: Stage, runs: int) -> Iterator[Figure]:
    """Sessions listed, output, files copied, jobs followed."""
    yield from _sessions(stage, max(1, runs // 2))
    yield _output(stage, max(1, runs // 2))
    with embedded(stage) as service:
        yield from _files(stage, service)
        yield from _jobs(stage, service, runs)


def _sessions(stage: Stage, runs: int) -> Iterator[Figure]:
    with loopback(sessions=1000) as few, loopback(sessions=1000 * TIMES) as many:
        commands = {
            "few": stage.ours("sessions", "--all", "--json", env=few.environment),
            "many": stage.ours("sessions", "--all", "--json", env=many.environment),
        }
        taken = rounds(commands, runs)
        requests = [peer.counts()["requests"] / (runs + 1) for peer in (many, few)]
    yield _against_less("10,000 sessions listed", "1,000", "s", *_seconds(taken["many"], taken["few"]))
    yield _against_less("10,000 sessions listed: requests", "1,000", "", [requests[0]], [requests[1]])


def _output(stage: Stage, runs: int) -> Figure:
    with loopback(results=1, result_bytes=2_000_000) as few, loopback(results=1, result_bytes=20_000_000) as many:
        commands = {
            "few": stage.ours("run", "x", env=few.environment, size=2_000_000),
            "many": stage.ours("run", "x", env=many.environment, size=20_000_000),
        }
        taken = rounds(commands, runs)
    return _against_less("20 MB of output", "2 MB", "s", *_seconds(taken["many"], taken["few"]))


def _files(stage: Stage, service: Service) -> Iterator[Figure]:
    """Into a session and out of it again."""
    session = measure(stage.ours("start", env=service.environment)).output.decode().strip()
    spent: dict[str, Costs] = {}
    for count in (1000, 1000 * TIMES):
        folder = stage.folder / str(count)
        _fill(folder, count)
        ways = {"up": (str(folder), f"{session}:in/"), "down": (f"{session}:in/{count}", f"{folder}-back/")}
        for way, (source, target) in ways.items():
            command = stage.ours("cp", source, target, env=service.environment)
            _add(spent.setdefault(way, ([], [])), _counted(service, partial(_seconds_of, command)))
    for way, (seconds, requests) in spent.items():
        yield _against_less(f"10,000 files copied {way}", "1,000", "s", seconds[1:], seconds[:1])
        yield _against_less(f"10,000 files copied {way}: requests", "1,000", "", requests[1:], requests[:1])


def _seconds_of(command: Command) -> float:
    return measure(command).seconds


def _fill(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.txt").write_text(f"{number}\n")


def _jobs(stage: Stage, service: Service, runs: int) -> Iterator[Figure]:
    spent: dict[int, Costs] = {1: ([], []), JOBS: ([], [])}
    for _round in range(runs):
        for count, costs in spent.items():
            _add(costs, _counted(service, partial(_follow, stage, service.environment, count)))
    name = f"{JOBS} jobs started and followed at once"
    (second, request), (seconds, requests) = spent.values()
    yield _against_less(name, "one", "s", seconds, second, times=JOBS)
    yield _against_less(f"{name}: requests", "one", "", requests, request, times=JOBS)


def _follow(stage: Stage, env: Mapping[str, str], count: int) -> float:
    """Seconds of processor time, because jobs are mostly waited for."""

    def follow(_number: int) -> float:
        started = measure(stage.ours("job", "start", JOB, env=env))
        job = started.output.decode().strip()
        output = "".join(f"{number}\n" for number in range(20)).encode()
        return started.cpu + measure(stage.ours("job", "logs", "-f", job, env=env, output=output)).cpu

    with ThreadPoolExecutor(count) as pool:
        return sum(pool.map(follow, range(count)))


def _add(costs: Costs, cost: tuple[float, float]) -> None:
    for values, value in zip(costs, cost, strict=True):
        values.append(value)


def _counted(service: Service, call: Callable[[], float]) -> tuple[float, float]:
    """What a call gives, and the requests that it sends."""
    before = service.requests()
    value = call()
    return value, float(service.requests() - before)


def _seconds(*samples: list[Sample]) -> Iterator[list[float]]:
    return ([sample.seconds for sample in series] for series in samples)


def _against_less(
    name: str, less: str, unit: str, ours: list[float], little: list[float], *, times: int = TIMES
) -> Figure:
    return Figure(f"{name}, against {times} times {less}", unit, ours, [times * value for value in little], LINEAR)

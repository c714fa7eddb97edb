"""A gigabyte and ten thousand files, into a session and out of it: exact, in bounded memory, in few calls.

AGENTCORE_TEST_LARGE=MEGABYTES:FILES changes the size.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.local import Local, invokes, local_line, logging_service, serving

if TYPE_CHECKING:
    from support.processes import CommandLine

MEGABYTES, FILES = (int(number) for number in os.environ.get("AGENTCORE_TEST_LARGE", "1000:10000").split(":"))
MEGABYTE = 1_000_000
MEMORY = 400 << 20  # bytes that client and service may have, whatever the size of the file
PATIENCE = 1500.0  # seconds; a hang, not a busy machine
FILL = f"""
import os
with open("big", "wb") as file:
    for _ in range({MEGABYTES}):
        file.write(os.urandom(1_000_000))
for number in range({FILES}):
    os.makedirs(f"folder-{{number % 100}}", exist_ok=True)
    with open(f"folder-{{number % 100}}/{{number}}", "w") as file:
        file.write(str(number))
    os.chmod(file.name, 0o600 + number % 64)
"""
DIGEST = "find . -path ./.agentcore-sandbox -prune -o -type f -printf '%m %p ' -exec sha256sum {} + | sort | sha256sum"


@pytest.fixture
def local(cli: CommandLine, tmp_path: Path) -> Local:
    return local_line(cli, tmp_path)


def answer(local: Local, *words: str) -> Any:
    child = local.start(*words, "--json")
    stdout, stderr = child.communicate(timeout=PATIENCE)
    assert child.returncode == 0, stderr
    return json.loads(stdout)


def sha256(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(MEGABYTE):
            sha.update(block)
    return sha.hexdigest()


def highest_memory(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) << 10


@pytest.mark.timeout(2 * PATIENCE)
def test_a_gigabyte_comes_back_as_it_went(local: Local) -> None:
    with (local.home / "big").open("wb") as file:
        for _ in range(MEGABYTES):
            file.write(os.urandom(MEGABYTE))
    with serving(local, stop=True) as (process, _):
        (sent,) = answer(local, "cp", "big", "work:folder/")["copied"]
        told = answer(local, "exec", "work", "--cmd", "sha256sum folder/big; find .agentcore-sandbox -size +1M")[
            "stdout"
        ]
        (got,) = answer(local, "cp", "work:folder/big", "back")["copied"]
        assert told.split() == [sent["sha256"], "folder/big"]
        assert {got["sha256"], sha256(local.home / "big"), sha256(local.home / "back")} == {sent["sha256"]}
        assert (sent["size"], got["size"]) == (MEGABYTES * MEGABYTE, MEGABYTES * MEGABYTE)
        assert highest_memory(process.pid) < MEMORY
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10 < MEMORY


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.timeout(2 * PATIENCE)
def test_many_small_files_go_in_few_calls(local: Local) -> None:
    for number in range(FILES):
        path = local.home / "in" / str(number % 97) / f"file {number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(number % 200))
    with logging_service(local) as log:
        assert len(answer(local, "cp", "in", "work:")["copied"]) == FILES
        sending = len(invokes(log))
        assert len(answer(local, "cp", "work:in", "out")["copied"]) == FILES
        fetching = len(invokes(log)) - sending
    assert contents(local.home / "out") == contents(local.home / "in")
    assert max(sending, fetching) <= 20


@pytest.mark.timeout(2 * PATIENCE)
def test_a_gigabyte_is_saved_and_restored(local: Local) -> None:
    with serving(local, stop=True) as (process, _):
        answer(local, "exec", "work", FILL)
        before = answer(local, "exec", "work", "--cmd", DIGEST)["stdout"]
        saved = answer(local, "save", "work", "work.tar.gz")
        assert (saved["files"], saved["contentSize"] >= MEGABYTES * 1_000_000) == (FILES + 1, True)
        answer(local, "stop", "work")
        answer(local, "start", "--name", "work", "--from", "work.tar.gz")
        assert answer(local, "exec", "work", "--cmd", DIGEST)["stdout"] == before
        left = answer(local, "exec", "work", "--cmd", "find .agentcore-sandbox -size +1M")
        assert left["stdout"] == ""
        assert highest_memory(process.pid) < MEMORY
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10 < MEMORY

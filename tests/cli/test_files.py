"""Files into and out of a session of the emulator, byte by byte."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.transfer import upload
from support import event_stream, fault_server
from support.copies import ok, tree
from support.terminal import on_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.processes import CommandLine


@pytest.fixture
def local(local: CommandLine) -> Iterator[CommandLine]:
    """The emulator of this module, which keeps no session of a test."""
    yield local
    assert local.run("stop", "--all", "--yes").returncode == 0


def make_tree(folder: Path) -> None:
    (folder / "sub" / "deeper").mkdir(parents=True)
    (folder / "empty folder").mkdir()
    (folder / "empty").write_bytes(b"")
    (folder / "crlf.txt").write_bytes(b"a\r\nb\r\rc\n\r\n")
    (folder / "sub" / "všechno  ok.bin").write_bytes(bytes(range(256)) * 100)
    (folder / "sub" / "deeper" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "sub" / "deeper" / "run.sh").chmod(0o755)
    (folder / "-begins with a dash").write_bytes(b"\xff\xfe not UTF-8")
    for name in ("n" * 254, "n" * 255):
        (folder / name).write_text(name)
    for number in range(50):
        (folder / "sub" / f"small-{number}").write_bytes(os.urandom(number * 7))


def test_a_folder_comes_back_as_it_went(local: CommandLine) -> None:
    make_tree(local.home / "in")
    ok(local, "cp", "in", "work:")
    ok(local, "cp", "work:in", "out")
    assert tree(local.home / "out") == tree(local.home / "in")
    again = local.run("cp", "in", "work:")
    assert (again.returncode, b"error[FileExists]" in again.stderr) == (125, True)
    back = local.run("cp", "work:in/.", "out")
    assert (back.returncode, b"error[FileExists]" in back.stderr) == (125, True)
    ok(local, "cp", "--force", "in/.", "work:in")
    ok(local, "cp", "--force", "work:in/.", "out")
    assert tree(local.home / "out") == tree(local.home / "in")


def test_large_files_go_in_parts(local: CommandLine) -> None:
    data = os.urandom(26_000_001)
    (local.home / "large").write_bytes(data)
    copied = json.loads(ok(local, "cp", "--json", "large", "work:a/b/"))["copied"]
    assert [(item["target"], item["size"]) for item in copied] == [("a/b/large", len(data))]
    ok(local, "cp", "work:a/b/large", "back")
    assert (local.home / "back").read_bytes() == data
    assert b"part-" not in ok(local, "exec", "work", "--cmd", "find .agentcore-sandbox")


@pytest.mark.parametrize("columns", [40, 80])
def test_a_terminal_sees_the_progress(local: CommandLine, columns: int) -> None:
    (local.home / "file").write_bytes(bytes(6_000_000))
    ok(local, "start", "--name", "work")
    shown = on_terminal(local, "cp", "file", "work:", stream="stderr", columns=columns).decode()
    *bars, last = shown.split("\r\x1b[K")
    assert re.fullmatch(r"agentcore-sandbox: copied 1 file, 5.8M in \d+\.\d s, [\d.]+[KM]/s\n", last)
    assert all(len(bar) < columns and bar.startswith("upload ") for bar in bars if bar)
    ok(local, "stop", "work")


def test_standard_streams(local: CommandLine) -> None:
    data = bytes(range(256)) * 1000
    ok(local, "cp", "-", "work:stream", stdin=data)
    assert ok(local, "cp", "work:stream", "-") == data


def test_globs_ls_and_rm(local: CommandLine) -> None:
    for name in ("a.csv", "b.csv", "c.txt"):
        (local.home / name).write_text(name)
    ok(local, "cp", "*.csv", "c.txt", "work:data/")
    assert ok(local, "ls", "work").decode().split()[-1] == "data/"
    listed = json.loads(ok(local, "ls", "--json", "-r", "work"))["entries"]
    assert [(entry["path"], entry["type"], entry["size"]) for entry in listed] == [
        ("data", "folder", 0),
        ("data/a.csv", "file", 5),
        ("data/b.csv", "file", 5),
        ("data/c.txt", "file", 5),
    ]
    (local.home / "got").mkdir()
    ok(local, "cp", "work:data/*.csv", "got")
    assert sorted(path.name for path in (local.home / "got").iterdir()) == ["a.csv", "b.csv"]
    assert local.run("rm", "work:data").returncode == 125
    assert json.loads(ok(local, "rm", "--json", "work:data/*.csv"))["removed"] == ["data/a.csv", "data/b.csv"]
    ok(local, "rm", "-r", "work:data")
    assert ok(local, "ls", "work") == b""


def test_hostile_session(local: CommandLine) -> None:
    ok(
        local,
        "exec",
        "work",
        "--cmd",
        "mkdir d; ln -s /etc d/etc; ln -s /etc/passwd d/link; mkfifo d/pipe; echo x > d/f",
    )
    done = local.run("cp", "work:d", "out")
    assert done.returncode == 0
    assert sorted(path.name for path in (local.home / "out").iterdir()) == ["f"]
    told = dict(line.rsplit(": ", 1)[::-1] for line in done.stderr.decode().splitlines()[:3])
    assert told == {
        "d/etc": "agentcore-sandbox: left out (a symbolic link)",
        "d/link": "agentcore-sandbox: left out (a symbolic link)",
        "d/pipe": "agentcore-sandbox: left out (neither a file nor a folder)",
    }
    for words in (["cp", "work:d/pipe", "pipe"], ["run", "--session", "work", "--download", "d/pipe", "--cmd", ":"]):
        done = local.run(*words)
        assert done.returncode == 125
        assert b"d/pipe is neither a file nor a folder" in done.stderr


def test_hidden_files_stay_where_they_are_if_that_is_asked_for(local: CommandLine) -> None:
    names = "h/.git/hooks/x h/.env h/a h/sub/b h/sub/.c h/sub/CLAUDE.md h/Makefile h/HEAD h/sub/x.pth"
    program = f"mkdir -p h/.git/hooks h/sub; touch {names} .d; chmod 755 h/a"
    ok(local, "exec", "work", "--cmd", program)
    done = local.run("cp", "--no-hidden", "work:h", "work:.d", "seen/")
    assert done.returncode == 0
    assert sorted(str(path.relative_to(local.home)) for path in local.home.glob("seen/**/*")) == [
        "seen/h",
        "seen/h/a",
        "seen/h/sub",
        "seen/h/sub/b",
    ]
    assert b"left out (hidden): h/.env\n" in done.stderr
    assert b"left out (a name that programs act upon): h/sub/CLAUDE.md\n" in done.stderr
    assert (local.home / "seen/h/a").stat().st_mode & 0o111 == 0
    ok(local, "run", "--session", "work", "--no-hidden", "--download", "h:again", "pass")
    assert sorted(path.name for path in (local.home / "again").iterdir()) == ["a", "sub"]
    assert local.run("cp", "--no-hidden", "work:.d", "none").returncode == 0
    assert not (local.home / "none").exists()
    ok(local, "cp", "work:h", "all")
    assert (local.home / "all/.git/hooks/x").exists()
    assert (local.home / "all/a").stat().st_mode & 0o100


LISTINGS = {
    "outside": [[0, "../../evil", "file", 1, 420, 0]],
    "absolute": [[0, "/evil", "file", 1, 420, 0]],
    "twice": [[0, "a", "file", 1, 420, 0], [0, "a", "file", 1, 420, 0]],
    "under a file": [[0, "a", "file", 0, 420, 0], [0, "a/b", "file", 0, 420, 0]],
    "negative size": [[0, "a", "file", -1, 420, 0]],
    "no such root": [[7, "a", "file", 1, 420, 0]],
    "unknown kind": [[0, "a", "device", 1, 420, 0]],
    "not a list": 5,
    "too short": [[0, "a"]],
    "a name that is no text": [[0, [], "file", 1, 420, 0]],
    "a kind that is no text": [[0, "a", [], 1, 420, 0]],
    "more than any disk has": [[0, "a", "file", 1 << 49, 420, 0]],
    "more levels than a tree may have": [[0, "a/" * 300 + "a", "file", 0, 420, 0]],
    "a path that no system takes": [[0, "/".join(["a" * 250] * 200), "file", 0, 420, 0]],
    "a time that no calendar has": [[0, "a", "file", 0, 420, 1e300]],
}


@pytest.mark.parametrize("entries", LISTINGS.values(), ids=LISTINGS.keys())
def test_hostile_listing(aws: CommandLine, faults: FaultServer, entries: object) -> None:
    answer = json.dumps({"answer": [["d"], *entries] if isinstance(entries, list) else entries})
    faults.answers["invoke"] = fault_server.stream(event_stream.result(answer))
    before = sorted(aws.home.rglob("*"))
    done = aws.run("cp", f"{fault_server.SESSION}:d", "out/")
    assert (done.returncode, done.stdout) == (125, b"")
    assert b"Traceback" not in done.stderr
    assert b"Internal" not in done.stderr
    left = [path for path in aws.home.rglob("*") if path not in before and path.is_file()]
    assert left == []


@pytest.mark.parametrize(
    ("asked", "root"),
    [
        ("plot.png", ".bashrc"),
        ("plot.png", ".git"),
        ("out/plot.png", "plot.png"),
        ("*.png", ".x.png"),
        ("*.png", "sub/x.png"),
        ("*.png", "x.sh"),
        ("out/**/*.png", "out/.git/x.png"),
        ("out/**/*.png", "other/x.png"),
        ("d", ""),
        ("d", "d/e"),
        ("**/y", "x/" * 9000 + "z"),
        ("/".join(["**"] * 30) + "/y", "x/" * 2000 + "z"),
    ],
)
def test_session_that_gives_another_name_than_was_asked_for(
    aws: CommandLine, faults: FaultServer, asked: str, root: str
) -> None:
    answer = json.dumps({"answer": [[root], [0, "", "file", 0, 420, 0]]})
    faults.answers["invoke"] = fault_server.stream(event_stream.result(answer))
    done = aws.run("cp", f"{fault_server.SESSION}:{asked}", ".")
    assert (done.returncode, done.stdout) == (125, b"")
    assert b"error[UnexpectedAnswer]: the session's list of files makes no sense" in done.stderr


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "no JSON",
        "[]",
        '{"answer": 5}',
        '{"pieces": 0}',
        '{"pieces": 1000000000}',
        '{"pieces": "x"}',
        json.dumps({"answer": [["d"]] * 100_000}),
        json.dumps({"answer": "x" * 100_000}),
        '{"error": 5}',
    ],
)
def test_hostile_answer(aws: CommandLine, faults: FaultServer, answer: str) -> None:
    faults.answers["invoke"] = fault_server.stream(event_stream.result(answer))
    for words in (["cp", f"{fault_server.SESSION}:d", "out"], ["ls", fault_server.SESSION]):
        done = aws.run(*words)
        assert (done.returncode, done.stdout) == (125, b"")
        assert b"error[UnexpectedAnswer]" in done.stderr


def test_long_answers_in_a_session_where_nothing_was_done_before(local: CommandLine) -> None:
    """More than a terminal takes: of each helper's operation that can answer so much."""
    make = "import os; os.mkdir('out'); [open(f'out/{n:0200}', 'w').close() for n in range(1000)]"
    forget = "rm -rf .agentcore-sandbox"
    ok(local, "exec", "work", make)
    assert len(json.loads(ok(local, "ls", "-r", "--json", "work"))["entries"]) == 1001
    ok(local, "exec", "work", "--cmd", forget)
    ok(local, "cp", "work:out", "here")
    assert len(list((local.home / "here").iterdir())) == 1000
    ok(local, "exec", "work", "--cmd", forget)
    ok(local, "cp", "here", "work:again")
    ok(local, "exec", "work", "--cmd", forget)
    assert len(json.loads(ok(local, "rm", "--json", "work:again/*"))["removed"]) == 1000


def test_an_empty_path_is_the_work_folder_on_every_side(local: CommandLine) -> None:
    (local.home / "file").write_text("contents")
    ok(local, "cp", "file", "work:")
    for source, target in (("work:", "all/"), ("work:.", "all2/"), ("work:", "all3")):
        ok(local, "cp", source, target)
        assert (local.home / target / "file").read_text() == "contents"
    assert ok(local, "ls", "work:") == ok(local, "ls", "work") == ok(local, "ls", "work:.")


def test_errors_name_the_file_that_is_meant(local: CommandLine) -> None:
    """And not the one that stands for it until it is whole."""
    (local.home / "file").write_text("contents")
    ok(local, "exec", "work", "--cmd", "echo x > file")
    for words in (["cp", "file", "work:/proc/x"], ["cp", "file", "work:file/x"]):
        done = local.run(*words)
        assert (done.returncode, b".part" in done.stderr, b"transfer-" in done.stderr) == (125, False, False)
        assert re.match(rb"error\[SessionFile\]: in the session: (/proc/x|file): ", done.stderr), done.stderr


def test_more_than_the_disk_has_room_for_is_refused_before_anything_is_fetched(
    aws: CommandLine, faults: FaultServer
) -> None:
    answer = json.dumps({"answer": [["d"], [0, "", "file", 1 << 49, 420, 0]]})
    faults.answers["invoke"] = fault_server.stream(event_stream.result(answer))
    done = aws.run("cp", f"{fault_server.SESSION}:d", "out/")
    assert done.returncode == 125
    assert b"and the copy needs 512T\n" in done.stderr
    assert (len(faults.operations()), (aws.home / "out").exists()) == (1, False)


LEVELS = 1500


def test_folders_nested_too_deeply_are_refused_and_named(local: CommandLine) -> None:
    nest = "import os\nfor _ in range(1500):\n    os.mkdir('d'); os.chdir('d')"
    ok(local, "run", "--session", "work", "--follow", nest)
    for words in (["cp", "work:d", "out"], ["ls", "-r", "work"]):
        done = local.run(*words)
        assert (done.returncode, b"more than 256 levels of folders" in done.stderr) == (125, True), done.stderr
    assert local.run("ls", "work").returncode == 0
    previous = os.open(local.home, os.O_RDONLY)
    for _ in range(LEVELS):
        os.mkdir("d", dir_fd=previous)
        descriptor = os.open("d", os.O_RDONLY, dir_fd=previous)
        os.close(previous)
        previous = descriptor
    os.close(previous)
    for words in (["cp", "d", "work:here"], ["run", "--session", "work", "--upload", "d", "1"]):
        done = local.run(*words)
        assert (done.returncode, b"more than 256 levels of folders" in done.stderr) == (125, True), done.stderr
    subprocess.run(["/bin/rm", "-rf", local.home / "d"], check=True)


def test_paths_longer_than_a_system_takes(local: CommandLine) -> None:
    ok(local, "exec", "work", "--cmd", "echo x > file")
    (local.home / "file").write_text("contents")
    long = "/".join(["a." * 100] * 30)
    for words in (["cp", "work:file", long], ["cp", "file", f"work:{long}"], ["cp", f"work:{long}", "."]):
        done = local.run(*words)
        assert done.returncode == 125
        assert re.match(rb"error\[(LocalFile|SessionFile)\]: .*a\.a\.", done.stderr), done.stderr
    for words in (["cp", long, "work:"], ["run", "--session", "work", "--upload", long, "1"]):
        done = local.run(*words)
        assert (done.returncode, b"error[Usage]: no such file: a.a." in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("target", ["f/", "f/b"])
def test_a_file_is_no_folder_to_copy_into(local: CommandLine, target: str) -> None:
    ok(local, "exec", "work", "open('a', 'w').close()")
    (local.home / "f").write_text("kept")
    done = local.run("cp", "work:a", f"{local.home}/{target}")
    assert f"error[FileExists]: {local.home}/f exists and is not a folder" in done.stderr.decode()
    assert (local.home / "f").read_text() == "kept"


@pytest.mark.parametrize("source", ["/dev/zero", "/dev/null"])
def test_devices_are_not_copied(local: CommandLine, source: str) -> None:
    done = local.run("cp", source, "work:x")
    assert f"error[LocalFile]: {source} is a device or a socket" in done.stderr.decode()


def test_a_stream_ends_where_the_disk_of_a_session_does(local: CommandLine, patching: pytest.MonkeyPatch) -> None:
    patching.setattr(upload, "DISK_BYTES", 1 << 20)
    done = local.run("cp", "-", "work:x", stdin=bytes(2 << 20))
    assert b"error[LocalFile]: standard input does not end within" in done.stderr


def test_missing_files(local: CommandLine) -> None:
    missing = local.run("cp", "nothing", "work:")
    assert (missing.returncode, missing.stderr.splitlines()[0]) == (2, b"error[Usage]: no such file: nothing")
    assert json.loads(ok(local, "sessions", "--json"))["sessions"] == []
    assert b"error[UnknownSession]" in local.run("cp", "work:x", ".").stderr
    ok(local, "start", "--name", "work")
    absent = local.run("cp", "work:x", ".")
    assert absent.stderr.splitlines()[0] == b"error[SessionFile]: in the session: x: No such file or directory"


def test_run_copies_before_and_after_also_when_the_program_fails(local: CommandLine) -> None:
    (local.home / "in.txt").write_text("data")
    command = "cat in/in.txt > out.txt; echo second > 'second out'; exit 7"
    copies = ["--upload", "in.txt:in/", "--download", "out.txt:got/", "--download", "second*"]
    done = local.run("run", "--cmd", "--json", *copies, command)
    assert done.returncode == 7, done.stderr
    answer = json.loads(done.stdout)
    assert [item["target"] for item in answer["uploaded"]] == ["in/in.txt"]
    assert [item["source"] for item in answer["downloaded"]] == ["out.txt", "second out"]
    assert (local.home / "got" / "out.txt").read_text() == "data"
    assert (local.home / "second out").read_text() == "second\n"


def test_a_download_that_fails_is_a_failure(local: CommandLine) -> None:
    done = local.run("run", "--download", "missing", "print(1)")
    assert (done.returncode, done.stdout) == (125, b"1")
    assert b"error[SessionFile]" in done.stderr
    assert local.run("run", "--cmd", "--download", "missing", "exit 5").returncode == 5

"""The Python context: what an IPython kernel does, in a sandbox."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.limits import Limits
from support import sandboxes
from support.sandboxes import Session, failure

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 1 << 16
LIMITS = Limits(output_bytes=LIMIT)


@pytest.mark.parametrize(
    ("code", "stdout"),
    [
        ("", ""),
        ("  \n", ""),
        ("pass", ""),
        ("None", ""),
        ("40 + 2", "42"),
        ("'text'", "'text'"),
        ("40 + 2;", ""),
        ("1\n2\n3", "3"),
        ("print('no newline', end='')", "no newline"),
        ("print('two\\n')", "two\n"),
        ("  indented = 7\n  indented", "7"),
        ("_ = 5\n_", "5"),
        ("list(range(3)); 'é\\u2603'", "'é\u2603'"),
        ("print('\\udc80'.encode('utf-8', 'surrogateescape'))", "b'\\x80'"),
        ("import asyncio\nawait asyncio.sleep(0, 'awaited')", "'awaited'"),
        ("async def later():\n    return 8\nx = await later()\nprint(x)", "8"),
        ("import os\nprint('a')\nos.system('echo b')\nprint('c')", "a\nb\nc"),
        ("import subprocess\nprint(subprocess.run(['echo', 'hi'], capture_output=True).stdout)", "b'hi\\n'"),
        ("import os\n_ = os.write(1, b'raw')", "raw"),
        ("import threading\nt = threading.Thread(target=print, args=['thread'])\nt.start()\nt.join()", "thread"),
        ("import sys\nsys.argv, __name__, sys.path[0]", "([''], '__main__', '')"),
        ("import os\nos.getcwd()", "'/opt/amazon/genesis1p-tools/var'"),
        ("def f(x):\n    return x\nimport inspect\nprint(inspect.getsource(f), end='')", "def f(x):\n    return x"),
        ("import sys\nsys.stdout = None", ""),
        ("import sys\nsys.stdout = sys.__stdout__", ""),
    ],
)
def test_output(session: Session, code: str, stdout: str) -> None:
    assert session.out(code) == stdout


def test_variables_last_until_the_context_is_cleared(session: Session) -> None:
    session.out("kept = 1")
    assert session.out("kept") == "1"
    assert "NameError" in session.code("kept", clearContext=True)["stderr"]


@pytest.mark.aws("assumed", "Code", "Code without output has no blocks of content")
def test_content_without_output_is_empty(session: Session) -> None:
    payload = session.invoke("executeCode", code="x = 1")
    assert (payload["content"], payload["isError"]) == ([], False)


@pytest.mark.aws("assumed", "Code", "A cleared context counts its cells from 1 again")
def test_cells_are_counted_but_empty_ones(session: Session) -> None:
    session.code("1", clearContext=True)
    session.code("   ")
    assert "Cell In[2], line 1\n" in session.code("1 / 0")["stderr"]
    assert "Cell In[3], line 1\n" in session.code("1 +")["stderr"]


def test_input_ends_at_once(session: Session) -> None:
    assert session.code("input('name? ')")["stderr"].endswith("EOFError: EOF when reading a line")


@pytest.mark.parametrize("call", ["sys.exit(3)", "exit(3)", "quit(3)", "raise SystemExit(3)"])
@pytest.mark.aws("assumed", "Code", "`sys.exit` in a cell ends it with exit code 1, whatever the status")
def test_exit_keeps_the_session(session: Session, call: str) -> None:
    session.out("survivor = 5")
    result = session.code(f"import sys\n{call}")
    assert result["stderr"] == "An exception has occurred, use %tb to see the full traceback.\n\nSystemExit: 3"
    assert result["exitCode"] == 1
    assert session.out("survivor") == "5"


def test_classes_of_cells_can_be_pickled_and_used_by_pools(session: Session) -> None:
    session.out("class Point:\n    x = 3\ndef double(x):\n    return 2 * x")
    assert session.out("import pickle\npickle.loads(pickle.dumps(Point())).x") == "3"
    session.out("import multiprocessing\nfork = multiprocessing.get_context('fork')")
    assert session.out("with fork.Pool(2) as pool:\n    print(pool.map(double, [1, 2]))") == "[2, 4]"


def test_a_forked_child_ends_with_its_cell(session: Session) -> None:
    session.code("", clearContext=True)  # no thread of an earlier cell, of which Python 3.12 warns whoever forks
    code = "import os\nif os.fork() == 0:\n    print('child')\nelse:\n    os.wait()\n    print('parent')"
    assert session.out(code) == "child\nparent"
    assert session.out("1") == "1"


def test_a_module_of_the_work_directory_is_found_and_harmless(session: Session) -> None:
    session.invoke(
        "writeFiles", content=[{"path": "json.py", "text": "raise Exception"}, {"path": "mine.py", "text": "x = 6"}]
    )
    assert session.code("import mine\nmine.x", clearContext=True)["stdout"] == "6"
    session.invoke("removeFiles", paths=["json.py", "mine.py"])


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("import os\nos._exit(3)", 3),
        ("import os\nos.kill(os.getpid(), 9)", 137),
        ("import ctypes\nctypes.string_at(0)", 139),
        ("import os\nos.closerange(3, 100)", None),
    ],
)
@pytest.mark.aws("assumed", "Code", "A context whose process ends by itself gets a new one, and the answer tells so")
def test_a_lost_process_is_told_and_replaced(session: Session, code: str, exit_code: int | None) -> None:
    session.out("lost = 1")
    result = session.code("print('before')\n" + code)
    assert result["stdout"] == "before"
    assert "Its variables are lost; the next execution starts anew." in result["stderr"]
    assert exit_code in (None, result["exitCode"])
    assert "NameError" in session.code("lost")["stderr"]


@pytest.mark.aws("assumed", "Code", "Where a context's process ended between two executions, the next one tells so")
def test_a_process_that_was_lost_between_two_executions_is_told_once_and_replaced(session: Session) -> None:
    process = session.out("import os\nlost = 1\nos.getpid()")
    session.command(f"kill -9 {process}; until grep -q '^State:.Z' /proc/{process}/status; do :; done")
    result = session.code("print('lost' in globals())")
    assert (result["stdout"], result["exitCode"]) == ("False", 0)
    assert result["stderr"] == (
        "The process of this context has ended (exit code 137). Its variables are lost; this execution started anew."
    )
    assert session.out("1") == "1"


def test_a_process_that_answers_unasked_is_replaced(session: Session) -> None:
    """Else each execution would be told what the one before it has printed."""
    session.out("""
import json, os, socket, struct, sys
text = json.dumps({"exitCode": 0, "images": [], "more": "x" * 20_000}).encode()
socket.socket(fileno=os.dup(int(sys.orig_argv[-1]))).sendall((struct.pack(">II", len(text), 0) + text) * 2)
""")
    result = session.code("print(1)")
    assert (result["stdout"], "Its variables are lost; this execution started anew." in result["stderr"]) == ("1", True)


def test_a_process_that_is_lost_while_its_children_live_on(session: Session) -> None:
    """They have its socket, too."""
    result = session.code("import os, time\nif os.fork():\n    os.kill(os.getpid(), 9)\ntime.sleep(1000)")
    assert result["exitCode"] == 137
    assert session.out("1") == "1"
    assert "sleep" not in session.command("ps ax")["stdout"]


def test_the_supervisor_can_be_killed(session: Session) -> None:
    payload = session.invoke("executeCode", code="import os\nos.kill(os.getppid(), 9)\nimport time\ntime.sleep(60)")
    assert failure(payload) == "Error executing tool execute_code: The process that ran it was killed"
    assert session.out("1") == "1"


def cancel_when_started(session: Session, code: str) -> dict[str, object]:
    """Cancel once the code has written its file `started`."""
    session.command("rm -f started")
    cancelled = threading.Event()

    def watch() -> None:
        while not session.invoke("listFiles", path="")["content"] or "started" not in str(session.invoke("listFiles")):
            pass
        cancelled.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = session.code(f"open('started', 'w').close()\n{code}", cancelled=cancelled)
    watcher.join()
    return result


@pytest.mark.aws("assumed", "Code", "A cell that is cancelled is interrupted, and tells so")
def test_a_cancelled_cell_is_interrupted_and_keeps_its_variables(session: Session) -> None:
    result = cancel_when_started(session, "kept = 1\nprint('partial')\nimport time\ntime.sleep(1000)")
    assert (result["stdout"], result["exitCode"]) == ("partial", 1)
    assert str(result["stderr"]).endswith("KeyboardInterrupt: ")
    assert session.out("kept") == "1"


@pytest.mark.aws("assumed", "Code", "A cell that ignores an interrupt for two seconds is killed")
def test_a_cell_that_ignores_interrupts_is_killed(session: Session) -> None:
    result = cancel_when_started(session, "import signal, time\nsignal.signal(2, signal.SIG_IGN)\ntime.sleep(1000)")
    assert result["exitCode"] == 137
    assert "Its variables are lost" in str(result["stderr"])
    assert session.out("1") == "1"


def test_children_of_a_context_end_with_it(session: Session) -> None:
    session.out("import subprocess\nchild = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n")
    assert "sleep" in session.command("ps ax")["stdout"]
    session.code("", clearContext=True)
    assert "sleep" not in session.command("ps ax")["stdout"]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.aws("assumed", "Limits", "Of each stream the head and the tail are kept, 20 MiB in all")
def test_a_flood_is_cut_in_its_middle(session: Session, stream: str) -> None:
    code = f"import sys\nfor number in range(100_000):\n    print(number, file=sys.{stream})"
    text = session.code(code)[stream]
    left_out = sum(len(f"{number}\n") for number in range(100_000)) - LIMIT
    assert text.startswith("0\n1\n2\n")
    assert text.endswith("99998\n99999")
    assert f"\n... {left_out} bytes of output left out ...\n" in text
    assert len(text) < LIMIT + 100


def test_a_traceback_survives_a_flood(session: Session) -> None:
    result = session.code("import sys\nsys.stderr.write('x' * 10_000_000)\n1 / 0")
    assert result["stderr"].endswith("ZeroDivisionError: division by zero")


def test_control_characters_do_not_burst_a_message(tmp_path: Path) -> None:
    """One such byte is six in JSON."""
    with sandboxes.start(tmp_path / "sandbox") as session:
        result = session.code("print('\\x01' * 5_000_000)")
    assert "characters of output left out" in result["stdout"]
    assert len(result["stdout"]) < 5_000_000

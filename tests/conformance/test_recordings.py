"""What was recorded of the live service, done again: the answers must be the same but for times, counters and ids."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.processes import eventually

if TYPE_CHECKING:
    from support.target import Session

RECORDINGS = Path(__file__).parent.parent / "wire"


def recorded(name: str, **replaced: str) -> Any:
    """Read a recording; `replaced` are texts of this machine's that stand for the recorded ones."""
    text = (RECORDINGS / f"{name}.json").read_text(encoding="utf-8")
    for old, new in replaced.items():
        text = text.replace(old, new)
    return json.loads(text)


def without_times(payload: dict[str, Any]) -> dict[str, Any]:
    """Check the execution time, in seconds, and take it out."""
    structured = dict(payload["structuredContent"])
    assert 0 <= structured.pop("executionTime") < 3600
    return {**payload, "structuredContent": structured}


@pytest.mark.aws("recorded", "Code", "executeCode answers `content`, `structuredContent` and `isError`")
def test_python_that_prints(session: Session) -> None:
    expected = recorded("execute_code_python_ok")
    code = f"print({expected['structuredContent']['stdout']!r})"
    assert without_times(session.invoke("executeCode", code=code, language="python")) == without_times(expected)


def test_python_that_prints_then_raises(session: Session) -> None:
    """The recording's traceback was shortened to its last line by its author."""
    expected = recorded("execute_code_python_prints_then_raises")
    answer = session.invoke("executeCode", code="print('hi')\n1/0", language="python")
    traceback = answer["structuredContent"]["stderr"]
    assert traceback.splitlines()[-1] == expected["structuredContent"]["stderr"]
    answer["content"][1]["text"] = answer["structuredContent"]["stderr"] = traceback.splitlines()[-1]
    assert without_times(answer) == without_times(expected)


@pytest.mark.aws("recorded", "Code", "A program that raises is an error with exit code 1 and its traceback in stderr")
def test_python_that_raises(session: Session) -> None:
    expected = recorded("execute_code_python_exception")
    answer = session.invoke("executeCode", code="import seaborn_is_not_here", language="python")
    stderr = answer["structuredContent"]["stderr"]
    assert stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'seaborn_is_not_here'"
    assert answer["content"] == [{"type": "text", "text": stderr}]
    for payload in (answer, expected):
        payload["content"][0]["text"] = payload["structuredContent"]["stderr"] = ""
    assert without_times(answer) == without_times(expected)


@pytest.mark.aws("recorded", "Commands and tasks", "A command that fails has its own exit code")
def test_a_command_that_fails(session: Session) -> None:
    answer = session.invoke("executeCommand", command="echo hello; exit 3")
    assert without_times(answer) == without_times(recorded("execute_command_exit_3"))


@pytest.mark.aws("recorded", "Commands and tasks", "A command that does not exist has exit code 127")
def test_a_command_that_is_missing(session: Session) -> None:
    answer = session.invoke("executeCommand", command="no-such-command")
    assert without_times(answer) == without_times(recorded("execute_command_not_found", pytest="no-such-command"))


@pytest.mark.aws("recorded", "Files", "What writeFiles, listFiles and readFiles answer")
def test_files_written_read_and_listed(session: Session) -> None:
    listing = recorded("list_files_ok")
    files = [block["name"] for block in listing["content"] if block["description"] == "File"]
    content = [{"path": name, "text": "content"} for name in files]
    assert session.invoke("writeFiles", content=content) == recorded("write_files_ok", **{"all 3": f"all {len(files)}"})
    session.invoke("executeCommand", command="mkdir -p log .ipython")
    answer = session.invoke("listFiles", path="")
    listed = {block["name"]: block for block in answer["content"]}
    assert [block for block in listing["content"] if listed.get(block["name"]) != block] == []
    assert answer["isError"] is listing["isError"]
    expected = recorded("read_files_text", **{"text/plain": "text/csv", "test.txt": "data.csv"})
    assert session.invoke("readFiles", paths=["data.csv"]) == expected


@pytest.mark.aws("recorded", "Files", "A tool that fails is HTTP 200 with `isError`, a text and no structuredContent")
def test_file_tools_that_fail(session: Session) -> None:
    assert session.invoke("readFiles", paths=["missing.txt"]) == recorded("read_files_missing")
    answer = session.invoke("readFiles", path="config.json")
    assert answer == recorded("read_files_wrong_argument")
    answer = session.invoke("writeFiles", content=[{"path": "../x", "text": ""}])
    assert answer == recorded("write_files_traversal")


@pytest.mark.aws("recorded", "Commands and tasks", "What startCommandExecution, getTask and stopTask answer")
def test_a_task_from_start_to_end(session: Session) -> None:
    started = session.invoke("startCommandExecution", command="until [ -e go ]; do sleep 0.05; done; echo finished")
    task = started["structuredContent"]["taskId"]
    assert re.fullmatch(r"\S+", task)
    assert started == recorded("task_start", **{"6606f719": task})
    assert session.invoke("getTask", taskId=task) == recorded("task_get_working")
    session.invoke("writeFiles", content=[{"path": "go", "text": ""}])
    answers: list[dict[str, Any]] = []

    def completed() -> bool:
        answers.append(session.invoke("getTask", taskId=task))
        return bool(answers[-1]["structuredContent"]["taskStatus"] == "completed")

    assert eventually(completed)
    expected = recorded("task_get_completed", **{"finished-at-13": "finished"})
    assert without_times(answers[-1]) == without_times(expected)
    assert session.invoke("stopTask", taskId=task) == recorded("task_stop_finished")


def test_bytes_and_text_of_any_kind_come_back(session: Session) -> None:
    blob, text = bytes(range(256)), "naïve ☃ 𝄞\r\n\tend"
    content = [{"path": "d/blob", "blob": blob}, {"path": "d/ü text.txt", "text": text}]
    assert session.invoke("writeFiles", content=content)["isError"] is False
    answer = session.invoke("readFiles", paths=["d/blob", "d/ü text.txt"])
    resources = [block["resource"] for block in answer["content"]]
    assert (resources[0]["blob"], resources[1]["text"]) == (blob, text)
    digest = "import hashlib; print(hashlib.sha256(open('d/blob', 'rb').read()).hexdigest()[:8])"
    assert session.invoke("executeCode", code=digest)["structuredContent"]["stdout"] == "40aff2e9"


@pytest.mark.aws("recorded", "Code", "Code, files and commands share a work folder")
def test_code_files_and_commands_share_a_session(session: Session) -> None:
    session.invoke("executeCode", code="kept = 6", language="python")
    session.invoke("executeCode", code="open('shared', 'w').write(str(kept * 7))", language="python")
    answer = session.invoke("executeCommand", command="cat shared")
    assert answer["structuredContent"]["stdout"] == "42"
    session.invoke("removeFiles", paths=["shared"])
    assert session.invoke("executeCommand", command="test -e shared")["structuredContent"]["exitCode"] == 1
    answer = session.invoke("executeCode", code="kept", language="python", clearContext=True)
    assert answer["isError"] is True

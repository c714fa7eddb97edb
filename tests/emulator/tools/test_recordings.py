"""Every recorded payload of the service, reproduced by a real sandbox: keys, order, texts."""

from __future__ import annotations

import json
import re
from typing import Any

from support.processes import eventually
from support.sandboxes import Session, wire

SEABORN = """import pandas as pd
import numpy as np
import matplotlib.pyplot as plt
import seaborn as sns

# Create a sample dataset
np.random.seed(42)
data = pd.DataFrame()
"""
STUBS = {"pandas.py": "", "numpy.py": "", "matplotlib/__init__.py": "", "matplotlib/pyplot.py": ""}


def same(payload: dict[str, Any], name: str, **differs: Any) -> None:
    """Compare as text, so that the order of keys counts; `differs` are fields of structuredContent."""
    recorded = wire(name)
    for field, value in differs.items():
        assert type(payload["structuredContent"][field]) is type(recorded["structuredContent"][field])
        recorded["structuredContent"][field] = value
    assert json.dumps(payload, indent=1) == json.dumps(recorded, indent=1)


def ran(payload: dict[str, Any], name: str) -> None:
    same(payload, name, executionTime=payload["structuredContent"]["executionTime"])


def test_output_of_code(session: Session) -> None:
    code = "print('Dataset Statistics:')\nprint('=' * 18)\nprint('Total people:', 5)"
    ran(session.invoke("executeCode", code=code, language="python"), "execute_code_python_ok")


def test_traceback(session: Session) -> None:
    """Its four imports: three of them found, in files of the work directory, the fourth missing; cell 4."""
    files = [{"path": path, "text": text} for path, text in STUBS.items()]
    session.invoke("writeFiles", content=files)
    session.code("", clearContext=True)
    for number in range(3):
        session.code(f"cell = {number}")
    ran(session.invoke("executeCode", code=SEABORN), "execute_code_python_exception")
    session.invoke("removeFiles", paths=list(STUBS))


def test_output_and_exception(session: Session) -> None:
    """This recording's traceback is abridged: its streams and blocks are compared, and the traceback's last line."""
    recorded = wire("execute_code_python_prints_then_raises")
    payload = session.invoke("executeCode", code="print('hi')\n1/0")
    structured = payload["structuredContent"]
    assert list(payload) == list(recorded)
    assert list(structured) == list(recorded["structuredContent"])
    assert (structured["stdout"], structured["exitCode"], payload["isError"]) == ("hi", 1, True)
    assert structured["stderr"].splitlines()[-1] == recorded["structuredContent"]["stderr"]
    assert [block["text"] for block in payload["content"]] == [structured["stdout"], structured["stderr"]]


def test_failing_command(session: Session) -> None:
    ran(session.invoke("executeCommand", command="echo hello; exit 3"), "execute_command_exit_3")


def test_missing_command(session: Session) -> None:
    ran(session.invoke("executeCommand", command="PATH=/nowhere; pytest"), "execute_command_not_found")


def test_write(session: Session) -> None:
    files = [{"path": f"recorded/{name}", "text": name} for name in "abc"]
    same(session.invoke("writeFiles", content=files), "write_files_ok")


def test_write_outside(session: Session) -> None:
    same(session.invoke("writeFiles", content=[{"path": "../x", "text": ""}]), "write_files_traversal")


def test_read(session: Session) -> None:
    session.invoke("writeFiles", content=[{"path": "test.txt", "text": "content"}])
    same(session.invoke("readFiles", paths=["test.txt"]), "read_files_text")


def test_read_missing(session: Session) -> None:
    same(session.invoke("readFiles", paths=["missing.txt"]), "read_files_missing")


def test_read_wrong_argument(session: Session) -> None:
    same(session.invoke("readFiles", path="config.json"), "read_files_wrong_argument")


def test_list(session: Session) -> None:
    """The order is the file system's, here as there: compared sorted."""
    session.command("find . -mindepth 1 -delete; mkdir log .ipython; touch data.csv config.json stats.py")
    recorded, payload = wire("list_files_ok"), session.invoke("listFiles", path="")
    for listing in (recorded, payload):
        listing["content"].sort(key=lambda block: str(block["name"]))
    assert json.dumps(payload) == json.dumps(recorded)


def test_task(session: Session) -> None:
    started = session.invoke(
        "startCommandExecution", command="until [ -e go ]; do sleep 0.05; done; echo finished-at-13"
    )
    task_id = started["structuredContent"]["taskId"]
    assert re.fullmatch("[0-9a-f]{8}", task_id)
    same(started, "task_start", taskId=task_id)
    same(session.invoke("getTask", taskId=task_id), "task_get_working")
    session.command("touch go")
    eventually(lambda: session.invoke("getTask", taskId=task_id)["structuredContent"]["taskStatus"] != "working")
    ran(session.invoke("getTask", taskId=task_id), "task_get_completed")
    same(session.invoke("stopTask", taskId=task_id), "task_stop_finished")

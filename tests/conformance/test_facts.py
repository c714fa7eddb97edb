"""What is known of the service and is no recorded payload, row by row; the rows share a session."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from support.target import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient

    from support.target import Target

WORK = "/opt/amazon/genesis1p-tools/var"
ENDLESS = "nohup sleep 300 >/dev/null 2>&1 & echo $!"
GONE = {"ValidationException", "ResourceNotFoundException", "ConflictException"}


@pytest.fixture(scope="module")
def session(target: Target, client: BedrockAgentCoreClient) -> Iterator[Session]:
    started = client.start_code_interpreter_session(codeInterpreterIdentifier=target.interpreter)
    yield Session(client, target.interpreter, started["sessionId"], target.recorder)
    client.stop_code_interpreter_session(codeInterpreterIdentifier=target.interpreter, sessionId=started["sessionId"])


def streams(payload: dict[str, Any]) -> tuple[str, str, int]:
    structured = payload["structuredContent"]
    return structured["stdout"], structured["stderr"], structured["exitCode"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param("pwd", (f"{WORK}\r\n", "", 0), id="the work directory; line ends of a terminal"),
        pytest.param("printf 'a\\r\\nb\\n'", ("a\r\r\nb\r\n", "", 0), id="a file's own CRLF becomes CR CR LF"),
        pytest.param("echo out; echo err >&2", ("out\r\nerr\r\n", "", 0), id="a terminal merges the streams"),
        pytest.param("echo out; exit 3", ("", "out\r\n", 3), id="of a failed command all is in stderr"),
        pytest.param("exit 255", ("", "", 255), id="the exit code is the command's own"),
    ],
)
@pytest.mark.aws(
    "recorded", "Commands and tasks", "A command runs in a terminal: CR LF, one stream, all in stderr when it fails"
)
def test_commands(session: Session, command: str, expected: tuple[str, str, int]) -> None:
    payload = session.invoke("executeCommand", command=command)
    assert streams(payload) == expected
    assert payload["isError"] is (expected[2] != 0)


@pytest.mark.aws("recorded", "Commands and tasks", "What a command leaves running ends with its invoke")
def test_what_a_command_leaves_running_ends_with_its_invoke(session: Session) -> None:
    process = session.invoke("executeCommand", command=ENDLESS)["structuredContent"]["stdout"].strip()
    assert session.invoke("executeCommand", command=f"kill -0 {process}")["structuredContent"]["exitCode"] != 0


@pytest.mark.parametrize(
    ("arguments", "stdout"),
    [
        pytest.param({"language": "python", "code": f"import os; print(os.getcwd() == '{WORK}')"}, "True", id="python"),
        pytest.param({"language": "javascript", "code": "console.log(typeof Deno)"}, "object", id="deno by default"),
        pytest.param(
            {"language": "javascript", "runtime": "nodejs", "code": "console.log(typeof require('os').cpus)"},
            "function",
            id="CommonJS for JavaScript in Node",
        ),
        pytest.param(
            {"language": "typescript", "runtime": "nodejs", "code": "const n: number = 42; console.log(n)"},
            "42",
            id="types in Node",
        ),
        pytest.param(
            {"language": "typescript", "code": "const n: number = 42; console.log(n)"}, "42", id="types in deno"
        ),
    ],
)
@pytest.mark.aws(
    "documented", "Code", "Deno runs JavaScript and TypeScript unless Node is asked for; JavaScript in Node is CommonJS"
)
def test_languages(session: Session, arguments: dict[str, str], stdout: str) -> None:
    assert streams(session.invoke("executeCode", **arguments)) == (stdout, "", 0)


@pytest.mark.aws("documented", "Code", "Variables last until the context is cleared")
def test_variables_last_until_the_context_is_cleared(session: Session) -> None:
    session.invoke("executeCode", language="python", code="kept = 1")
    assert streams(session.invoke("executeCode", language="python", code="print(kept)"))[0] == "1"
    cleared = session.invoke("executeCode", language="python", code="print(kept)", clearContext=True)
    assert streams(cleared)[1].endswith("NameError: name 'kept' is not defined")


@pytest.mark.aws("recorded", "Code", "Tracebacks are IPython's, without colours; cells are counted over the session")
def test_tracebacks_have_no_colours_and_cells_are_counted(session: Session) -> None:
    texts = [streams(session.invoke("executeCode", language="python", code="1/0"))[1] for _ in range(2)]
    first, second = (int(re.findall(r"Cell In\[(\d+)\], line 1", text)[0]) for text in texts)
    assert second == first + 1
    assert "\x1b" not in texts[0]


@pytest.mark.aws("recorded", "Code", "`content` repeats the streams, one block for each")
def test_content_repeats_the_streams_one_after_the_other(session: Session) -> None:
    payload = session.invoke("executeCode", language="python", code="import sys\nprint(1)\nprint(2, file=sys.stderr)")
    assert [block["text"] for block in payload["content"]] == ["1", "2"]
    assert streams(payload)[:2] == ("1", "2")


@pytest.mark.aws("recorded", "Files", "listFiles lists one level, hidden files included; folders have no mimeType")
def test_files_are_listed_one_level_deep_and_hidden_ones_too(session: Session) -> None:
    content = [{"path": f"facts/{name}", "text": "x"} for name in (".hidden", "seen.txt", "deep/er.txt")]
    session.invoke("writeFiles", content=content)
    for argument in ("path", "directoryPath"):
        listed = session.invoke("listFiles", **{argument: "facts"})["content"]
        assert {block["name"] for block in listed} == {".hidden", "seen.txt", "deep"}
        (folder,) = [block for block in listed if block["name"] == "deep"]
        assert (folder["type"], folder["description"], "mimeType" in folder) == ("resource_link", "Directory", False)


@pytest.mark.aws("recorded", "Files", "One missing path fails readFiles as a whole")
def test_one_missing_file_fails_the_whole_call(session: Session) -> None:
    session.invoke("writeFiles", content=[{"path": "there.txt", "text": "x"}])
    payload = session.invoke("readFiles", paths=["there.txt", "missing.txt"])
    assert payload["isError"]
    assert "structuredContent" not in payload


@pytest.mark.aws("recorded", "Files", "A blob is base64 once")
def test_bytes_are_encoded_once(session: Session) -> None:
    session.invoke("writeFiles", content=[{"path": "raw.bin", "blob": b"\x00\xff\x00"}])
    size = session.invoke("executeCommand", command="wc -c < raw.bin")["structuredContent"]["stdout"]
    assert size.strip() == "3"
    (block,) = session.invoke("readFiles", paths=["raw.bin"])["content"]
    assert block["resource"]["blob"] == b"\x00\xff\x00"


@pytest.mark.aws("documented", "Sessions", "`aws.codeinterpreter.v1` has no internet")
def test_the_systems_interpreter_has_no_network(target: Target, session: Session) -> None:
    if target.interpreter not in {"local", "aws.codeinterpreter.v1"}:
        pytest.skip("another interpreter may have a network")
    code = "import socket\ntry: socket.create_connection(('192.0.2.1', 80), 5)\nexcept OSError: print('none')"
    assert streams(session.invoke("executeCode", language="python", code=code))[0] == "none"


@pytest.mark.aws("recorded", "Sessions", "A stopped session is gone, and stays listed")
def test_a_stopped_session_is_gone_and_stays_listed(client: BedrockAgentCoreClient, target: Target) -> None:
    interpreter = {"codeInterpreterIdentifier": target.interpreter}
    session = {
        "sessionId": client.start_code_interpreter_session(codeInterpreterIdentifier=target.interpreter)["sessionId"]
    }
    client.stop_code_interpreter_session(**interpreter, **session)
    call: Any = client.invoke_code_interpreter
    for again in (
        lambda: client.stop_code_interpreter_session(**interpreter, **session),
        lambda: call(**interpreter, **session, name="listFiles", arguments={"path": "."}),
    ):
        with pytest.raises(ClientError) as raised:
            again()
        assert raised.value.response["Error"]["Code"] in GONE
    listed = client.list_code_interpreter_sessions(**interpreter, status="TERMINATED", maxResults=100)["items"]
    assert session["sessionId"] in [item["sessionId"] for item in listed]

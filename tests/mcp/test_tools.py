"""What the tools do, by a server process and the emulator."""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import jsonschema
import pytest

from agentcore_sandbox.mcp.results import MOST_OUTPUT
from agentcore_sandbox.mcp.revisions import FOLDER_OF_CODEX
from agentcore_sandbox.mcp.tools import TOOLS
from support import event_stream, fault_server
from support.build_folders import write
from support.mcp_client import McpClient, envelope, serving

if TYPE_CHECKING:
    from support.fault_server import FaultServer
    from support.local import Local
    from support.processes import CommandLine

PLUGIN_PREFIX = "mcp__plugin_aws-bedrock-agentcore-codeinterpreter_sbx__"
MOST_NAME = 64  # characters that the Messages API takes
MOST_TOKENS = 700
CHARACTERS = 4  # for a token; npm's @anthropic-ai/tokenizer and gpt-tokenizer take 4.3 of these definitions

FIGURES = [("image/png", b"\x89PNG\r\n\x1a\n"), ("image/svg+xml", b"<svg/>"), ("image/png", b"no image")]


def described() -> list[dict[str, object]]:
    return [tool.described(name) for name, tool in TOOLS.items()]


def test_full_names_are_short_enough_for_the_messages_api() -> None:
    assert {name: len(PLUGIN_PREFIX + name) for name in TOOLS if len(PLUGIN_PREFIX + name) > MOST_NAME} == {}


def test_definitions_cost_few_tokens() -> None:
    """Of what a client passes on to its model: names, descriptions and input schemas."""
    passed_on = [{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in described()]
    assert len(json.dumps(passed_on, separators=(",", ":"))) / CHARACTERS <= MOST_TOKENS


@pytest.mark.parametrize("name", TOOLS)
def test_schemas_are_schemas(name: str) -> None:
    tool = TOOLS[name].described(name)
    for schema in (tool["inputSchema"], tool["outputSchema"]):
        jsonschema.Draft202012Validator.check_schema(schema)
    assert set(TOOLS[name].needs) <= set(TOOLS[name].takes)


def test_code_runs_and_keeps_its_variables(client: McpClient) -> None:
    first = client.value("run_code", code="x = 6")
    assert (first["stdout"], first["exitCode"]) == ("", 0)
    assert client.value("run_code", code="print(x * 7)")["stdout"].strip() == "42"


def test_the_result_is_text_too_and_fits_its_schema(client: McpClient) -> None:
    result = client.call("run_code", code="print(1)")
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    jsonschema.validate(result["structuredContent"], TOOLS["run_code"].described("run_code")["outputSchema"])


def test_a_program_that_fails_is_no_error_of_the_tool(client: McpClient) -> None:
    shell = client.value("run_code", code="echo no >&2; exit 3", language="shell", env={"A": "b"})
    assert (shell["exitCode"], shell["stdout"] + shell["stderr"]) == (3, "no\n")
    assert "ZeroDivisionError" in client.value("run_code", code="1/0")["stderr"]


def test_variables_reach_the_program(client: McpClient) -> None:
    value = client.value("run_code", code="echo $A", language="shell", env={"A": "b c"})
    assert value["stdout"] + value["stderr"] == "b c\n"


def test_images_are_image_content(cli: CommandLine, faults: FaultServer) -> None:
    blocks = [{"type": "image", "data": event_stream.base64_text(data), "mimeType": kind} for kind, data in FIGURES]
    structured = {"stdout": "shown", "stderr": "", "exitCode": 0, "executionTime": 0.01}
    answer = event_stream.event("result", {"content": blocks, "structuredContent": structured, "isError": False})
    faults.answers["invoke"] = fault_server.stream(answer)
    with serving(cli.using(**faults.environment)) as client:
        client.initialize()
        result = client.call("run_code", code="plot()")
    images = [(block["mimeType"], base64.b64decode(block["data"])) for block in result["content"][1:]]
    assert images == FIGURES[:1]
    (note,) = result["structuredContent"]["notes"]
    assert "image-2.svg, image-3.png" in note


def test_output_is_cut_and_hides_nothing(client: McpClient) -> None:
    value = client.value("run_code", code="print('\\x1b[31m\\U000e0041' + 'x' * 1_000_000 + 'end')")
    assert len(value["stdout"]) < MOST_OUTPUT + 100
    assert value["stdout"].startswith("^[[31m\\U000e0041")
    assert value["stdout"].strip().endswith("end")
    assert any("output is cut" in note for note in value["notes"])


def test_files_go_in_and_come_out(client: McpClient, served: Local) -> None:
    project = served.home / "project"
    (project / "in.txt").write_text("here")
    assert client.value("put_files", paths=["in.txt"], to="data/") == {"files": ["data/in.txt"], "bytes": 4}
    client.value("run_code", code="open('out.txt', 'w').write(open('data/in.txt').read() * 2)")
    value = client.value("get_files", paths=["out.txt"])
    assert value == {"files": [str(project / "sandbox-output" / "out.txt")], "bytes": 8}
    assert (project / "sandbox-output" / "out.txt").read_text() == "herehere"
    assert "error[FileExists]" in client.failure("get_files", paths=["out.txt"])


def test_a_file_of_the_project_runs(client: McpClient, served: Local) -> None:
    (served.home / "project" / "job.js").write_text("console.log(6 * 7)")
    (served.home / "project" / "job.py").write_text("print(6 * 7)")
    assert client.value("run_code", file="job.py")["stdout"].strip() == "42"


def test_a_script_of_the_plugins_skills_runs(cli: CommandLine, faults: FaultServer) -> None:
    plugin = cli.home / "plugin"
    script, program = plugin / "skills" / "report" / "scripts" / "report.py", plugin / "bin" / "program.py"
    write(script, "print('reported')")
    write(plugin / "secret.py", "print('secret')")
    write(plugin / ".claude-plugin" / "plugin.json", "{}")
    write(program, "import sys\nfrom agentcore_sandbox.__main__ import main\nsys.exit(main())\n")
    with serving(replace(cli, command=(sys.executable, str(program))).using(**faults.environment)) as client:
        client.initialize()
        client.value("run_code", file=str(script))
        for path in (plugin / "secret.py", script.parent / ".." / ".." / ".." / "secret.py"):
            assert client.failure("run_code", file=str(path)).startswith("error[NotAllowed]")
    assert faults.programs() == ["print('reported')"]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("put_files", {"paths": ["../x"]}),
        ("put_files", {"paths": ["/etc/passwd"]}),
        ("put_files", {"paths": [".env"]}),
        ("put_files", {"paths": ["id_rsa"]}),
        ("get_files", {"paths": ["out.txt"], "to": "src/"}),
        ("get_files", {"paths": ["out.txt"], "to": "/var/"}),
        ("get_files", {"paths": ["*"], "to": "sandbox-output/"}),
        ("run_code", {"file": "../../x.py"}),
    ],
    ids=str,
)
def test_other_files_of_the_host_are_out_of_reach(client: McpClient, tool: str, arguments: dict[str, object]) -> None:
    assert client.failure(tool, **arguments).startswith("error[NotAllowed]")


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"code": 1},
        {"code": "1", "file": "x.py"},
        {"code": "1", "language": "perl"},
        {"code": "1", "timeout": 0},
        {"code": "1", "timeout": True},
        {"code": "1", "env": {"A": 1}},
        {"code": "1", "env": {"A-B": "1"}},
        {"code": "1", "endpoint_url": "http://example.invalid"},
        {"code": "1", "session": "no name"},
        {"code": ""},
    ],
    ids=str,
)
def test_wrong_arguments_are_named(client: McpClient, arguments: dict[str, object]) -> None:
    assert client.failure("run_code", **arguments).startswith("error[Usage]")


def test_a_named_session_is_another(client: McpClient) -> None:
    client.value("run_code", code="y = 1", session="other")
    assert "NameError" in client.value("run_code", code="y")["stderr"]
    assert client.value("run_code", code="print(y)", session="other")["stdout"].strip() == "1"


def test_sessions_are_listed_and_stopped(client: McpClient) -> None:
    named = client.value("run_code", code="1", session="listed")["sessionId"]
    own = client.value("run_code", code="z = 1")["sessionId"]
    rows = {row["sessionId"]: row["name"] for row in client.value("sessions")["sessions"]}
    assert rows[named] == "listed"
    assert own in rows
    assert client.value("stop", session="listed") == {"stopped": [named]}
    assert client.value("stop") == {"stopped": [own]}
    assert client.value("stop") == {"stopped": []}
    assert client.failure("stop", session="listed").startswith("error[UnknownSession]")
    assert client.failure("stop", session="a", job="b").startswith("error[Usage]")
    assert "NameError" in client.value("run_code", code="z")["stderr"]


def test_jobs_run_on_are_read_and_stopped(client: McpClient) -> None:
    code = "import time\nprint('begun')\ntime.sleep(3600)"
    job = client.value("job_start", code=code)["job"]
    while "begun" not in client.value("job_read", job=job, wait=1)["stdout"]:
        pass
    assert {row["jobId"]: row["state"] for row in client.value("sessions")["jobs"]}[job] == "running"
    assert client.value("stop", job=job) == {"stopped": [job]}
    ended = client.value("job_read", job=job)
    assert (ended["state"], ended["stdout"]) == ("exited", "begun\n")
    short = client.value("job_start", code="echo x; exit 3", language="shell", session="jobs")
    read = client.value("job_read", job=short["job"], wait=60)
    assert (read["state"], read["exitCode"], read["stdout"]) == ("exited", 3, "x\n")
    assert client.failure("job_read", job="0123456789ab").startswith("error[UnknownJob]")


MAPPED = "import os, time; time.sleep(int(os.environ['ITEM_S'])); print(os.environ['ITEM_A'], 'x' * 20_000)"


def test_a_job_over_items_is_read_in_parts_and_stopped(client: McpClient) -> None:
    items = [{"a": f"n{number}", "s": 3600 if number == 4 else 0} for number in range(5)]
    job = client.value("job_start", code=MAPPED, items=items, sessions=2)["job"]
    read = client.value("job_read", job=job, wait=1)
    while read["left"] > 1:
        read = client.value("job_read", job=job, wait=1)
    first = client.value("job_read", job=job)
    assert (first["state"], first["done"], first["left"]) == ("running", 4, 1)
    assert [record["stdout"][:3] for record in first["results"]] == ["n0 "], "more than one answer holds"
    assert (first["next"], any("go on with from 1" in note for note in first["notes"])) == (1, True)
    second = client.value("job_read", job=job, **{"from": first["next"], "count": 1})["results"][0]
    assert (second["index"], second["status"], second["stdout"][:3]) == (1, "done", "n1 ")
    assert {row["jobId"]: row["state"] for row in client.value("sessions")["jobs"]}[job] == "running"
    assert client.value("stop", job=job) == {"stopped": [job]}
    ended = client.value("job_read", job=job, wait=60, **{"from": 4})
    assert (ended["state"], ended["unknown"], ended["results"][0]["status"]) == ("ended", 1, "unknown")
    assert "next" not in ended


def test_a_job_over_items_outlives_its_connection_and_says_so(served: Local) -> None:
    with serving(served) as client:
        client.initialize()
        job = client.value("job_start", code="sleep 3600", language="shell", items=["a"], sessions=1)
        assert client.close() == 0
    map_id = job["job"]
    assert f"maps stop {map_id}" in job["notes"][0]
    status = json.loads(served.text("maps", "status", map_id, "--json"))
    assert status["state"] == "running"
    served.text("maps", "stop", "--now", map_id, "--json")
    served.text("maps", "rm", map_id, "--json")


def test_items_of_a_file_obey_the_policy(client: McpClient, served: Local) -> None:
    project = served.home / "project"
    (project / "rows.csv").write_text("name,n\nx,1\ny,2\n")
    (project / "texts").mkdir()
    (project / "texts" / "a.txt").write_text("here")
    started = client.value("job_start", code="echo $ITEM_NAME$ITEM_N", language="shell", items_file="rows.csv")
    read = client.value("job_read", job=started["job"], wait=600)
    assert [record["stdout"] for record in read["results"]] == ["x1\n", "y2\n"]
    started = client.value("job_start", code="cat $ITEM", language="shell", items_file="texts")
    assert client.value("job_read", job=started["job"], wait=600)["results"][0]["stdout"] == "here"
    for name in ("../.bashrc", "/etc/passwd"):
        assert client.failure("job_start", code="1", items_file=name).startswith("error[NotAllowed]")


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"items": []}, "there are no items"),
        ({"items": ["a"], "items_file": "x.csv"}, "either items or items_file"),
        ({"items": ["a"], "session": "s"}, "sessions of their own"),
        ({"items": [{"a": 1}, {"b": 1}]}, "has no field 'a'"),
        ({"items": ["a\0b"]}, "NUL"),
        ({"timeout": 1}, "timeout goes with items"),
    ],
)
def test_items_that_cannot_be(client: McpClient, given: dict[str, object], wrong: str) -> None:
    assert wrong in client.failure("job_start", code="1", **given)


@pytest.mark.parametrize(("key", "value"), [("interpreter_id", "local-public"), ("region", "eu-west-1")])
def test_jobs_of_another_interpreter_are_out_of_reach(client: McpClient, served: Local, key: str, value: str) -> None:
    job = client.value("job_start", code="1", session="jobs")["job"]
    (record,) = served.home.rglob(f"{job}.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), key: value}))
    assert client.failure("job_read", job=job).startswith("error[UnknownJob]")
    assert client.failure("stop", job=job).startswith("error[UnknownJob]")
    assert job not in {row["jobId"] for row in client.value("sessions")["jobs"]}


def test_the_user_is_asked_about_unusual_files(served: Local) -> None:
    (served.home / "project" / "odd.bin").write_bytes(b"\0")
    with serving(served) as client:
        client.initialize(elicitation={})
        for action, is_copied in (("decline", False), ("accept", True)):
            client.answers["elicitation/create"] = {"action": action, "content": {}}
            assert client.call("put_files", paths=["odd.bin"]).get("isError", False) is not is_copied
        client.initialize()
        assert client.failure("put_files", paths=["odd.bin"]).startswith("error[NotAllowed]")


def test_roots_of_the_client_bound_files(served: Local) -> None:
    elsewhere = served.home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.csv").write_text("a")
    with serving(served) as client:
        client.initialize(roots={})
        client.answers["roots/list"] = {"roots": [{"uri": elsewhere.as_uri()}]}
        assert client.value("put_files", paths=["a.csv"])["bytes"] == 1
        assert "NotAllowed" in client.failure("put_files", paths=[str(served.home / "project" / "in.txt")])
        client.answers["roots/list"] = {"roots": []}
        assert "NotAllowed" in client.failure("put_files", paths=["a.csv"])


def test_the_folder_of_a_call_from_codex_bounds_its_files(client: McpClient, served: Local) -> None:
    elsewhere = served.home / "of codex"
    elsewhere.mkdir()
    (elsewhere / "a.csv").write_text("a")
    client.initialize()
    for uri, is_copied in ((elsewhere.as_uri(), True), ("file:///", False), (None, False)):
        meta = {FOLDER_OF_CODEX: {"sandboxCwd": uri}}
        result = client.response(client.start_call("put_files", meta, paths=["a.csv"]))["result"]
        assert result.get("isError", False) is not is_copied


def test_a_stateless_client_is_asked_by_a_result(client: McpClient, served: Local) -> None:
    (served.home / "project" / "b.csv").write_text("b")
    first = client.response(client.start_call("put_files", envelope(roots={}), paths=["b.csv"]))["result"]
    assert first == {"resultType": "input_required", "inputRequests": {"roots": {"method": "roots/list"}}}
    answers = {"roots": {"roots": [{"uri": (served.home / "project").as_uri()}]}}
    params = {"name": "put_files", "arguments": {"paths": ["b.csv"]}, "inputResponses": answers}
    second = client.request("tools/call", **params, _meta=envelope(roots={}))["result"]
    assert (second["resultType"], second["structuredContent"]["bytes"]) == ("complete", 1)


@pytest.mark.parametrize("root", ["/", "/etc", "{home}", "{home}/.ssh"])
def test_what_is_no_project_is_no_root(served: Local, root: str) -> None:
    done = served.run("mcp", "--root", root.format(home=served.home))
    assert (done.returncode, b"error[NotAllowed]" in done.stderr) == (2, True)

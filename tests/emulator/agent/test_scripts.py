"""JavaScript and TypeScript with persistent contexts, by deno and by Node, in real sandboxes."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_sandbox.aws.event_stream import read_result
from agentcore_sandbox.execution.preparation import Preparation
from agentcore_sandbox.execution.program import Program
from support import runtimes, sandboxes
from support.processes import eventually
from support.sandboxes import Session, failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.local import Local

    Run = Callable[..., dict[str, Any]]

CONTEXTS = [(language, runtime) for language in ("javascript", "typescript") for runtime in ("deno", "nodejs")]
MODULES = [chosen for chosen in CONTEXTS if chosen != ("javascript", "nodejs")]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in runtimes.variables().items():
            patch.setenv(name, value)
        with sandboxes.start(tmp_path_factory.mktemp("session") / "sandbox") as session:
            yield session


@pytest.fixture(params=CONTEXTS, ids=" by ".join)
def run(request: pytest.FixtureRequest, session: Session) -> Run:
    language, runtime = request.param
    return partial(session.code, language=language, runtime=runtime)


@pytest.fixture(params=MODULES, ids=" by ".join)
def run_module(request: pytest.FixtureRequest, session: Session) -> Run:
    language, runtime = request.param
    return partial(session.code, language=language, runtime=runtime)


@pytest.mark.parametrize(
    ("code", "stdout"),
    [
        ("", ""),
        ("undefined", ""),
        ("let unused = 1", ""),
        ("40 + 2", "42"),
        ("'text'", "'text'"),
        ("10n ** 20n", "100000000000000000000n"),
        ("-0", "-0"),
        ("null", "null"),
        ("({ a: [1, { b: 2 }] })", "{ a: [ 1, { b: 2 } ] }"),
        ("console.log('shown'); 1", "shown\n1"),
        ("process.stdout.write('no newline'); undefined", "no newline"),
        ("await new Promise((resolve) => setTimeout(resolve, 5, 'awaited'))", "'awaited'"),
        ("async function main() { await null; console.log('main') }\nmain()", "main"),
        ("const text = \"import('x')\"; text", "\"import('x')\""),
        ("typeof (await import('node:fs')).existsSync", "'function'"),
        ("process.cwd()", "'/opt/amazon/genesis1p-tools/var'"),
        ("'é\u2603'.length", "2"),
        ("// a comment at the end", ""),
    ],
)
@pytest.mark.aws("assumed", "Code", "A script's last value is shown as `util.inspect` does; a promise is awaited first")
def test_output(run: Run, code: str, stdout: str) -> None:
    result = run(code)
    assert (result["stdout"], result["stderr"], result["exitCode"]) == (stdout, "", 0)


def test_errors_and_output_have_their_streams(run: Run) -> None:
    result = run("console.log('out'); console.error('err')")
    assert (result["stdout"], result["stderr"]) == ("out", "err")


@pytest.mark.aws("assumed", "Code", "clearContext works for JavaScript and TypeScript too")
def test_variables_last_until_the_context_is_cleared(run: Run) -> None:
    run("const kept = 1; let changed = 1; function f() { return kept + changed }")
    run("changed = 2; const kept = 5")
    assert run("f()")["stdout"] == "7"
    assert "ReferenceError: kept is not defined" in run("kept", clearContext=True)["stderr"]


@pytest.mark.aws("assumed", "Code", "Each pair of language and runtime keeps variables of its own")
def test_each_language_and_runtime_has_variables_of_its_own(session: Session) -> None:
    for number, (language, runtime) in enumerate(CONTEXTS):
        session.code(f"var own = {number}", language=language, runtime=runtime)
    shown = [session.code("own", language=language, runtime=runtime)["stdout"] for language, runtime in CONTEXTS]
    assert shown == ["0", "1", "2", "3"]


def test_deno_is_the_default(session: Session) -> None:
    assert session.code("typeof Deno", language="javascript")["stdout"] == "'object'"
    assert session.code("typeof Deno", language="typescript")["stdout"] == "'object'"


@pytest.mark.parametrize(
    ("code", "stderr"),
    [
        ("function g() {\n  throw new TypeError('bad')\n}\ng()", "Uncaught TypeError: bad"),
        ("\nawait Promise.reject(new RangeError('far'))", "Uncaught RangeError: far"),
        ("throw 5", "Uncaught 5"),
        ("Promise.reject(new Error('as the value'))", "Uncaught Error: as the value"),
        ("Promise.reject(new Error('of nobody')); 0", "Uncaught Error: of nobody"),
        ("setTimeout(() => { throw new Error('late') }); await new Promise((r) => setTimeout(r, 20))", "Error: late"),
        ("missing", "Uncaught ReferenceError: missing is not defined"),
    ],
)
@pytest.mark.aws("assumed", "Code", "An exception of a script is exit code 1")
def test_an_exception_is_exit_code_1(run: Run, code: str, stderr: str) -> None:
    result = run(code)
    assert stderr in result["stderr"]
    assert result["exitCode"] == 1
    assert "context.mjs" not in result["stderr"]


def test_a_stack_has_the_lines_of_the_code_and_no_others(run: Run) -> None:
    stderr = run("interface_ = 0\nfunction g() {\n  throw new Error('x')\n}\n\ng()")["stderr"]
    first, inner, outer = stderr.split("\n")
    assert first == "Uncaught Error: x"
    assert inner.endswith(":3:9)")
    assert outer.endswith(":6:1")


def test_a_syntax_error_has_its_line(run: Run) -> None:
    result = run("let fine = 1\nlet y = (;")
    assert "SyntaxError" in result["stderr"]
    assert ":2" in result["stderr"]
    assert result["exitCode"] == 1


def test_causes_are_shown(run: Run) -> None:
    stderr = run("throw new Error('outer', { cause: new Error('inner') })")["stderr"]
    assert "Error: outer" in stderr
    assert "[cause]: Error: inner" in stderr


@pytest.mark.parametrize("code", ["process.exit(3)", "(async () => process.exit(3))()"])
@pytest.mark.aws("assumed", "Code", "`process.exit(n)` ends the code, not the context, with exit code n")
def test_exit_keeps_the_session(run: Run, code: str) -> None:
    run("var survivor = 5")
    assert run(f"console.log('before'); {code}") | {"executionTime": 0} == {
        "stdout": "before",
        "stderr": "",
        "exitCode": 3,
        "executionTime": 0,
    }
    assert run("survivor")["stdout"] == "5"


def test_exit_in_a_callback_while_code_waits_ends_the_context(run: Run) -> None:
    result = run("setTimeout(() => process.exit(4)); await new Promise(() => {})")
    assert result["exitCode"] == 4
    assert "Its variables are lost" in result["stderr"]
    assert run("1")["stdout"] == "1"


def test_variables_of_the_environment_as_the_command_line_sets_them(run: Run) -> None:
    program = Program("1", "javascript", environment={"MONTH": "11", "__proto__": 'it\'s "x"\n\u2028'})
    assert run(Preparation(program, "here", "session").invocation().arguments["code"])["stdout"] == ""
    assert run("process.env.MONTH")["stdout"] == "'11'"
    assert run("process.env['__proto__'] === 'it\\'s \"x\"\\n\\u2028'")["stdout"] == "true"


def test_only_a_prepared_context_passes_over_a_mark(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTCORE_SANDBOX_STATE_DIR", str(tmp_path))
    here, there = (
        Preparation(Program("let a = 1\nthrow a", "javascript"), region, "s") for region in ("here", "there")
    )
    marked = []
    for preparation in (here, there):
        preparation.remember()
        marked.append(preparation.marked_program())
        assert run(preparation.invocation().arguments["code"])["stdout"] == ""
    refused, passed = (run(call.arguments["code"]) for call in marked if call)
    assert passed["stderr"] == "Uncaught 1"
    for result, preparation in ((passed, there), (refused, here)):
        answer = read_result({"structuredContent": result, "isError": True})
        assert (preparation.refusal(answer) is None) == (preparation is there)


@pytest.mark.parametrize(
    "code", ["for (;;);", "await new Promise(() => {})", "setInterval(() => {}); for (;;) await 1"]
)
@pytest.mark.aws("assumed", "Code", "An interrupt ends the process of a script")
def test_a_runaway_is_ended(session: Session, run: Run, code: str) -> None:
    session.command("rm -f started")
    cancelled = threading.Event()

    def watch() -> None:
        eventually(lambda: "started" in str(session.invoke("listFiles")))
        cancelled.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    begin = "(await import('node:fs')).writeFileSync('started', '');"
    result = run(f"console.log('partial'); {begin}\n{code}", cancelled=cancelled)
    watcher.join()
    assert result["stdout"] == "partial"
    assert result["exitCode"] != 0
    assert "Its variables are lost" in result["stderr"]
    assert run("1")["stdout"] == "1"


def test_timers_and_servers_run_on_between_executions(session: Session, run: Run) -> None:
    run("var server = (await import('node:http')).createServer((_, answer) => answer.end('served'))")
    port = run("await new Promise((r) => server.listen(0, '127.0.0.1', () => r(server.address().port)))")["stdout"]
    code = f"import urllib.request\nprint(urllib.request.urlopen('http://127.0.0.1:{port}').read())"
    assert session.out(code) == "b'served'"
    run("server.close(); undefined")


def test_a_flood_is_complete_and_bounded(run: Run) -> None:
    assert len(run("console.log('x'.repeat(1_000_000))")["stdout"]) == 1_000_000
    result = run("for (let i = 0; i < 25; i++) console.log('x'.repeat(1_000_000))")
    assert "bytes of output left out" in result["stdout"]


@pytest.mark.aws("assumed", "Code", "Import declarations of scripts become dynamic imports")
def test_imports_of_modules(session: Session, run_module: Run) -> None:
    session.invoke("writeFiles", content=[{"path": "own.mjs", "text": "export const k = 6; export default 'whole'"}])
    code = (
        "import { join as j,\n  sep } from 'node:path';\nimport whole, * as own from './own.mjs'\n"
        "import 'node:fs';\nconsole.log(j('a', 'b'), sep, whole, own.k)\nthrow new Error('place')"
    )
    result = run_module(code)
    assert result["stdout"] == "a/b / whole 6"
    assert ":6:7" in result["stderr"]
    assert run_module("own.k")["stdout"] == "6"


@pytest.mark.aws("assumed", "Code", "Exports of scripts become declarations")
def test_exports_are_declarations(run_module: Run) -> None:
    assert run_module("export const z = 3;\nexport function twice(x) { return 2 * x }\nexport { z };")["stderr"] == ""
    assert run_module("twice(z)")["stdout"] == "6"
    assert run_module("typeof require")["stdout"] == "'undefined'"


def test_javascript_by_node_is_commonjs(session: Session) -> None:
    run = partial(session.code, language="javascript", runtime="nodejs")
    assert run("require('node:path').basename(__filename)")["stdout"] == "'cell.js'"
    session.invoke("writeFiles", content=[{"path": "common.js", "text": "exports.k = 7"}])
    assert run("require('./common').k")["stdout"] == "7"
    assert "Cannot use import statement outside a module" in run("import 'node:fs'")["stderr"]


@pytest.mark.parametrize("runtime", ["deno", "nodejs"])
@pytest.mark.parametrize(
    ("code", "stdout"),
    [
        ("let x: number = 5; x * 2", "10"),
        ("interface A { b: string }\nconst o: A = { b: 'c' }; o.b", "'c'"),
        ("enum E { A, B }\nE.B", "1"),
        ("namespace N { export const a = 1 }\nN.a", "1"),
        (
            "import type { Stats } from 'node:fs';\nimport { statSync } from 'node:fs'; statSync('/etc') as Stats; 1",
            "1",
        ),
        ("export type R = string; const cast = 'x' as unknown as R; cast!", "'x'"),
    ],
)
def test_types(session: Session, runtime: str, code: str, stdout: str) -> None:
    result = session.code(code, language="typescript", runtime=runtime)
    assert (result["stdout"], result["stderr"]) == (stdout, "")


@pytest.mark.parametrize(
    ("language", "runtime", "text"),
    [
        ("python", "deno", "The runtime deno cannot execute python"),
        ("javascript", "python", "The runtime python cannot execute javascript"),
        ("javascript", "bun", "The runtime bun cannot execute javascript"),
    ],
)
def test_a_runtime_for_another_language_is_refused(session: Session, language: str, runtime: str, text: str) -> None:
    payload = session.invoke("executeCode", code="1", language=language, runtime=runtime)
    assert failure(payload) == f"Error executing tool execute_code: {text}"


class TestMissing:
    @pytest.fixture
    def choose(self, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        monkeypatch.setenv("PATH", "/dev/null")
        for name in runtimes.variables():
            monkeypatch.delenv(name, raising=False)
        return monkeypatch

    def ask(self, folder: Path, runtime: str = "deno") -> str:
        with sandboxes.start(folder) as session:
            return failure(session.invoke("executeCode", code="1", language="typescript", runtime=runtime))

    @pytest.mark.usefixtures("choose")
    @pytest.mark.parametrize(
        ("runtime", "name"), [("deno", "install deno 2.9 or newer"), ("nodejs", "install Node 22.13 or newer")]
    )
    def test_it_is_told_how_to_install_one(self, tmp_path: Path, runtime: str, name: str) -> None:
        text = self.ask(tmp_path / "sandbox", runtime)
        assert "The local sandbox has no runtime for typescript: there is no" in text
        assert name in text
        assert "start a new session" in text

    def test_the_other_runtime_is_named_and_not_taken(self, tmp_path: Path, choose: pytest.MonkeyPatch) -> None:
        choose.setenv("AGENTCORE_SANDBOX_LOCAL_NODE", str(runtimes.node()))
        assert self.ask(tmp_path / "sandbox").endswith("Or ask for the runtime that is here: nodejs")

    def test_a_wrong_variable(self, tmp_path: Path, choose: pytest.MonkeyPatch) -> None:
        choose.setenv("AGENTCORE_SANDBOX_LOCAL_DENO", "/dev/null/deno")
        assert "AGENTCORE_SANDBOX_LOCAL_DENO names '/dev/null/deno', which is no program" in self.ask(tmp_path / "s")

    def test_a_script_is_refused(self, tmp_path: Path, choose: pytest.MonkeyPatch) -> None:
        shim = tmp_path / "deno"
        shim.write_text("#!/bin/sh\nexec something\n")
        shim.chmod(0o755)
        choose.setenv("AGENTCORE_SANDBOX_LOCAL_DENO", str(shim))
        assert f"{shim} is a script: set AGENTCORE_SANDBOX_LOCAL_DENO to the program" in self.ask(tmp_path / "sandbox")

    def test_path_is_searched_and_nothing_else_of_its_folder_is_inside(
        self, tmp_path: Path, choose: pytest.MonkeyPatch
    ) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "node").symlink_to(runtimes.node())
        choose.setenv("PATH", str(folder))
        with sandboxes.start(tmp_path / "sandbox") as session:
            assert session.code("1 + 1", language="javascript", runtime="nodejs")["stdout"] == "2"
            assert session.command("node -p 1+2")["stdout"] == "3\r\n"
            assert session.command(f"ls {runtimes.node().parent}")["stdout"] == "node\r\n"


def test_the_runtimes_of_an_environment_that_is_inside_anyway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setenv("AGENTCORE_SANDBOX_LOCAL_PYTHON", sys.executable)
    for name, value in runtimes.variables().items():
        monkeypatch.setenv(name, value)
    with sandboxes.start(tmp_path / "sandbox") as session:
        assert session.code("1 + 1", language="javascript")["stdout"] == "2"
        assert session.out("1 + 1") == "2"


def test_the_command_line(local: Local) -> None:
    variables = {**runtimes.variables(), "CUSTOM_AGENTCORE_INTERPRETER_ID": "local"}
    assert local.text("run", "--lang", "js", "--env", "A=b", "process.env.A", env=variables) == "'b'"
    code = "enum E { A = 40 }\nconsole.log(E.A + 2)"
    assert local.text("run", "--lang", "ts", "--runtime", "nodejs", code, env=variables) == "42"
    failed = local.run("run", "--lang", "js", "process.exit(7)", env=variables)
    assert (failed.returncode, failed.stderr) == (7, b"")

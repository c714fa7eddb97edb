"""The packages for other agents: their manifests against the schemas that define them, and what ships in them."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agentcore_sandbox.aws.credentials import SOURCES
from plugin_build import portable
from plugin_build.marketplace import read_catalogue
from plugin_build.plugin import read_manifest
from plugin_build.source_tree import Project
from support.build_folders import MANIFEST, NAME, ROOT, build, write
from support.examples import frontmatter

SCHEMAS = Path(__file__).with_name("schemas")
CHECKSUM = "0" * 64


@pytest.fixture(scope="module")
def package() -> portable.Package:
    """What is built of this source tree."""
    project = Project()
    summary = read_catalogue(ROOT / "marketplace")["description"]
    return portable.Package(read_manifest(project.template), project.version, summary)


def faults(document: dict[str, Any], schema: str) -> list[str]:
    """What a schema has to say against a document."""
    rules = json.loads(SCHEMAS.joinpath(schema).read_text("utf-8"))
    validator = jsonschema.validators.validator_for(rules)
    validator.check_schema(rules)
    return [error.message for error in validator(rules).iter_errors(document)]


def test_manifests_are_what_their_schemas_ask_for(package: portable.Package) -> None:
    plugin, servers = portable.agent_plugin(package), portable.agent_plugin_servers(package)
    assert faults(plugin, "agent-plugins-1.0.0-plugin.schema.json") == []
    assert faults({**plugin, "mcpServers": {}}, "agent-plugins-1.0.0-plugin.schema.json")
    assert faults(servers, "agent-plugins-1.0.0-mcp.schema.json") == []
    assert faults({**servers, "mcpServers": {"sbx": {}}}, "agent-plugins-1.0.0-mcp.schema.json")
    entry = portable.registry_entry(package, CHECKSUM)
    assert faults(entry, "mcp-registry-2025-12-11-server.schema.json") == []
    assert faults({**entry, "description": "x" * 101}, "mcp-registry-2025-12-11-server.schema.json")


def test_all_say_the_same_version_and_ask_for_the_same(package: portable.Package) -> None:
    manifests = [*(make(package) for make in portable.MANIFESTS.values()), portable.bundle(package)]
    assert {manifest["version"] for manifest in manifests if "version" in manifest} == {Project().version}
    variables = list(package.manifest["mcpServers"]["sbx"]["env"])
    assert [option.variable for option in package.options] == variables
    settings = portable.gemini_extension(package)["settings"]
    assert [setting["envVar"] for setting in settings] == variables
    assert list(portable.bundle(package)["server"]["mcp_config"]["env"]) == variables
    listed = portable.registry_entry(package, CHECKSUM)["packages"][0]["environmentVariables"]
    assert [variable["name"] for variable in listed] == variables
    assert portable.codex_plugin(package)["mcpServers"]["sbx"]["env_vars"][:3] == variables


FOR_OTHERS = {"AGENTCORE_SANDBOX_DEBUG", "AGENTCORE_SANDBOX_ENV_NAMES"}  # of the project's developers, of `local env`


def test_codex_passes_on_every_variable_that_the_manual_and_its_sources_of_credentials_name() -> None:
    pages = [path.read_text("utf-8") for path in (*ROOT.glob("docs/*.md"), ROOT / "README.md")]
    variable = re.compile(r"\b(?:AGENTCORE_SANDBOX|AWS_(?:WEB|ROLE|CONTAINER|SESSION|SHARED))_[A-Z_]*[A-Z]\b")
    named = {name for text in [*pages, *SOURCES.values()] for name in variable.findall(text)}
    assert named - FOR_OTHERS <= set(portable.PASSED_BY_CODEX), named


def test_options_are_described_without_what_holds_in_claude_code_alone(package: portable.Package) -> None:
    shown = json.dumps([make(package) for make in portable.MANIFESTS.values()])
    assert "wins over" not in shown
    assert "CLAUDE" not in shown


def skill(source: Path) -> Path:
    return source / "dist/portable" / NAME / "skills/code-interpreter/SKILL.md"


def test_skill_begins_with_its_own_text_and_goes_on_with_the_shared_one(built: Path) -> None:
    text = skill(built).read_text("utf-8")
    assert text == "---\nname: code-interpreter\n---\n\n## Run\n\nSee `references/aws.md`.\n"
    assert skill(built).with_name("references").joinpath("aws.md").is_file()


def test_a_skill_without_the_shared_chapter_is_named(built: Path, environment: dict[str, str]) -> None:
    write(built / "plugin-template/skills/code-interpreter-execute/SKILL.md", "# Begin\n")
    done = build(built, "plugin", environment=environment, check=False)
    assert (done.returncode, "has no chapter '## Run'" in done.stderr, done.stderr.count("\n")) == (1, True, 1)


OF_CLAUDE_CODE = re.compile(r"CLAUDE_|\$ARGUMENTS|/mcp\b|/plugin\b|ToolSearch|Claude")


def test_skill_of_other_agents_claims_nothing_that_only_claude_code_does(tmp_path: Path) -> None:
    folder = tmp_path / "code-interpreter"
    write(folder / "SKILL.md", (ROOT / "plugin-template/portable/skills/code-interpreter/SKILL.md").read_text("utf-8"))
    portable._write_skill(Project(), folder)
    text = folder.joinpath("SKILL.md").read_text("utf-8")
    assert not OF_CLAUDE_CODE.search(text)
    assert "| **nothing**: they are all still there |" in text
    assert "guard" not in text
    assert len(text.splitlines()) <= 200
    found = frontmatter(folder / "SKILL.md")
    assert found["name"] == folder.name
    assert found.keys() <= {"name", "description", "license", "compatibility"}
    assert (len(found["description"]) <= 1024, len(found["compatibility"]) <= 500) == (True, True)


def test_bundle_holds_the_program_without_what_is_for_linux_alone(built: Path) -> None:
    bundle = built / "dist" / f"{NAME}.mcpb"
    with zipfile.ZipFile(bundle) as archive:
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
        checked = [line.split()[1] for line in archive.read("SHA256SUMS").decode().splitlines()]
        manifest = json.loads(archive.read("manifest.json"))
    files = {"LICENSE", "SHA256SUMS", "THIRD_PARTY_NOTICES", "icon.png", "lib/start.py", "manifest.json"}
    runnable = {"bin/agentcore-sandbox", "zipapps/agentcore-sandbox-any.pyz"}
    assert modes.keys() == {*files, "sbom.cdx.json", *runnable}
    assert {name for name, mode in modes.items() if mode & 0o111} == runnable
    assert checked == ["zipapps/agentcore-sandbox-any.pyz", "THIRD_PARTY_NOTICES", "sbom.cdx.json"]
    assert manifest["user_config"].keys() == {"folder", *MANIFEST["userConfig"]}


def test_building_again_gives_the_same_bytes_and_checksums(built: Path, environment: dict[str, str]) -> None:
    def digests() -> dict[str, str]:
        files = (path for path in built.joinpath("dist").rglob("*") if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = digests()
    build(built, "plugin", environment=environment)
    assert digests() == before
    bundle = built / "dist" / f"{NAME}.mcpb"
    assert f"{before[str(bundle)]}  {bundle.name}\n" in built.joinpath("dist/SHA256SUMS").read_text("ascii")
    entry = json.loads(built.joinpath("dist/server.json").read_text("utf-8"))
    assert entry["packages"][0]["fileSha256"] == before[str(bundle)]

"""The packages for other agents than Claude Code, all made of the plugin's own manifest, launcher, zipapps and skill.

- A folder that is an Agent Plugin 1.0 (https://agent-plugins.org), a plugin of Codex and an extension of Gemini CLI.
- An MCP bundle, `.mcpb`, for Claude Desktop (https://github.com/modelcontextprotocol/mcpb).
- `server.json`, with which the bundle is listed in the MCP registry.

docs/agents.md says what each program reads of them, and what is enforced there.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentcore_emulator import limits
from agentcore_emulator.limits import Limits, Quotas
from plugin_build.plugin import ACCOMPANYING, OTHERS
from plugin_build.source_tree import (
    BuildError,
    copy_file,
    copy_tree,
    files_below,
    sha256,
    staged_folder,
    write_checksums,
    write_file,
    write_object,
    write_zip,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin_build.source_tree import Project

    Document = dict[str, Any]

SKILL = "code-interpreter"
SKILL_OF_CLAUDE = "code-interpreter-execute"
SHARED_FROM = "\n## Run\n"
"""Where the part of Claude Code's skill begins that holds for every agent."""
SERVER = "sbx"
TITLE = "AgentCore Sandbox"
SHORT = "Run code in isolated sandboxes"
"""In Codex, which has room for 30 characters."""
REPOSITORY = "https://github.com/OWNER/REPOSITORY"  # whoever publishes fills it in: docs/agents.md
ICON = Path(".claude-plugin", "icon.png")
PROGRAM = ("bin", "lib", "zipapps")
LAUNCHER = "bin/agentcore-sandbox"
NOT_IN_BUNDLE = "-linux-"
"""Claude Desktop runs on macOS and Windows: what is for Linux alone would double the bundle. `any` runs there too."""
_AWS = """
    PROFILE DEFAULT_PROFILE REGION DEFAULT_REGION CONFIG_FILE SHARED_CREDENTIALS_FILE CA_BUNDLE USE_FIPS_ENDPOINT
    ACCESS_KEY_ID SECRET_ACCESS_KEY SESSION_TOKEN ROLE_ARN ROLE_SESSION_NAME WEB_IDENTITY_TOKEN_FILE
    CONTAINER_CREDENTIALS_RELATIVE_URI CONTAINER_CREDENTIALS_FULL_URI CONTAINER_AUTHORIZATION_TOKEN
    CONTAINER_AUTHORIZATION_TOKEN_FILE EC2_METADATA_DISABLED LOGIN_CACHE_DIRECTORY ENDPOINT_URL
    ENDPOINT_URL_BEDROCK_AGENTCORE IGNORE_CONFIGURED_ENDPOINT_URLS
"""
_OWN = """
    PYTHON RUNTIME_DIR STATE_DIR HISTORY LOCKED ENV_ENDPOINT LOCAL_PYTHON LOCAL_DENO LOCAL_NODE LOCAL_IDLE LOCAL_FAULTS
    LOCAL_MOUNT_ROOT LOCAL_SECRET_ROOT
"""
_OTHERS = """
    HTTPS_PROXY https_proxy HTTP_PROXY http_proxy ALL_PROXY all_proxy NO_PROXY no_proxy SSL_CERT_FILE
    XDG_CACHE_HOME XDG_STATE_HOME XDG_RUNTIME_DIR XDG_CONFIG_HOME DBUS_SESSION_BUS_ADDRESS
    PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE PIP_CERT UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL
    UV_EXTRA_INDEX_URL UV_CONFIG_FILE UV_SYSTEM_CERTS
"""
PASSED_BY_CODEX = (
    *(f"AWS_{name}" for name in _AWS.split()),
    *(f"AGENTCORE_SANDBOX_{name}" for name in _OWN.split()),
    *(limits.PREFIX + name.upper() for name in sorted({*Limits.__annotations__, *Quotas.__annotations__})),
    *_OTHERS.split(),
)
"""Beside the options: a server gets no variable of the user's that its plugin does not name."""


@dataclass(frozen=True)
class Option:
    """What the user may choose.

    Attributes:
        variable: The command line's own name for it.
        key: Claude Code's name.
    """

    variable: str
    key: str
    title: str
    description: str


@dataclass(frozen=True)
class Package:
    """What all manifests say.

    Attributes:
        manifest: Claude Code's plugin.json.
        summary: What it does, in at most 100 characters.
    """

    manifest: Document
    version: str
    summary: str

    @property
    def about(self) -> Document:
        """The keys that have one meaning everywhere."""
        keys = ("description", "author", "license", "keywords")
        known = {key: self.manifest[key] for key in keys if key in self.manifest}
        return {"name": self.manifest["name"], "version": self.version, **known}

    @property
    def options(self) -> list[Option]:
        """The options of the plugin, in the order in which it asks for them."""
        found = []
        for variable, value in self.manifest["mcpServers"][SERVER]["env"].items():
            key = re.findall(r"user_config\.(\w+)", value)[0]
            asked = self.manifest["userConfig"][key]
            text = asked["description"].removesuffix(f". {variable} wins over it")
            found.append(Option(variable, key, asked["title"], text))
        return found


def agent_plugin(package: Package) -> Document:
    """The manifest of an Agent Plugin; its keys are a closed list."""
    return {"$schema": "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json", **package.about}


def agent_plugin_servers(_: Package) -> Document:
    """Its server. For a client that names no folder as a root, the plugin's own data folder is the project."""
    server = {"type": "stdio", "command": f"./{LAUNCHER}", "args": ["mcp"], "cwd": "${PLUGIN_DATA}"}
    return {
        "$schema": "https://agent-plugins.org/schemas/1.0.0/mcp.schema.json",
        "mcpServers": {SERVER: server},
    }


def codex_plugin(package: Package) -> Document:
    """Codex reads the Agent Plugin, and of this only how it is shown and which variables its server gets."""
    variables = [*(option.variable for option in package.options), *PASSED_BY_CODEX]
    server = {"command": f"./{LAUNCHER}", "args": ["mcp"], "env_vars": variables}
    shown = {"displayName": TITLE, "shortDescription": SHORT, "category": "Development"}
    return {**package.about, "mcpServers": {SERVER: server}, "interface": shown}


def gemini_extension(package: Package) -> Document:
    """Gemini's extension, with its options as settings that are asked for at the installation."""
    server = {"command": f"${{extensionPath}}/{LAUNCHER}", "args": ["mcp", "--root", "${workspacePath}"]}
    settings = [
        {"name": option.title, "description": option.description, "envVar": option.variable, "sensitive": False}
        for option in package.options
    ]
    about = {key: value for key, value in package.about.items() if key in ("name", "version", "description")}
    return {**about, "mcpServers": {SERVER: server}, "settings": settings}


def bundle(package: Package) -> Document:
    """The manifest of an MCP bundle. An option left empty counts as not set; the folder has to be chosen."""
    folder = {
        "type": "directory",
        "title": "Folder",
        "description": "The only folder of this machine that files are copied from and to",
        "required": True,
    }
    options = {
        option.key: {"type": "string", "title": option.title, "description": option.description, "default": ""}
        for option in package.options
    }
    command = f"${{__dirname}}/{LAUNCHER}"
    start = {
        "command": command,
        "args": ["mcp", "--root", "${user_config.folder}"],
        "env": {option.variable: f"${{user_config.{option.key}}}" for option in package.options},
        "platform_overrides": {"win32": {"command": f"{command}.cmd"}},
    }
    return {
        "manifest_version": "0.3",
        **package.about,
        "display_name": TITLE,
        "icon": "icon.png",
        "server": {"type": "binary", "entry_point": LAUNCHER, "mcp_config": start},
        "tools_generated": True,
        "user_config": {"folder": folder, **options},
        "compatibility": {"platforms": ["darwin", "win32", "linux"]},
    }


def registry_entry(package: Package, checksum: str) -> Document:
    """The server.json for a bundle with that SHA-256, released in the repository under its version's tag."""
    owner = REPOSITORY.split("/")[-2]
    file = f"{package.manifest['name']}.mcpb"
    variables = [{"name": option.variable, "description": option.description} for option in package.options]
    released = {
        "registryType": "mcpb",
        "identifier": f"{REPOSITORY}/releases/download/v{package.version}/{file}",
        "version": package.version,
        "fileSha256": checksum,
        "transport": {"type": "stdio"},
        "environmentVariables": variables,
    }
    return {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": f"io.github.{owner}/agentcore-sandbox",
        "title": TITLE,
        "description": package.summary,
        "version": package.version,
        "repository": {"url": REPOSITORY, "source": "github"},
        "packages": [released],
    }


MANIFESTS: dict[str, Callable[[Package], Document]] = {
    "plugin.json": agent_plugin,
    "mcp.json": agent_plugin_servers,
    ".codex-plugin/plugin.json": codex_plugin,
    "gemini-extension.json": gemini_extension,
}


def stage_folder(project: Project, plugin: Path, package: Package) -> Path:
    """Build `dist/portable/<plugin name>/` with the program of the staged plugin, replacing an older one.

    Raises:
        BuildError: A part is missing.
    """
    target = project.dist / OTHERS / plugin.name
    with staged_folder(target) as staged:
        copy_tree(project.template / OTHERS, staged)
        copy_file(plugin / ".gitattributes", staged / ".gitattributes")
        _copy_program(plugin, staged)
        _write_skill(project, staged / "skills" / SKILL)
        for name, manifest in MANIFESTS.items():
            write_object(staged / name, manifest(package))
    return target


def make_bundle(project: Project, plugin: Path, package: Package) -> Path:
    """Build `dist/<plugin name>.mcpb` with the program of the staged plugin, and `dist/server.json` about it."""
    target = project.dist / f"{plugin.name}.mcpb"
    with tempfile.TemporaryDirectory(prefix="bundle") as work:
        folder = Path(work)
        _copy_program(plugin, folder, NOT_IN_BUNDLE)
        copy_file(plugin / ICON, folder / ICON.name)
        write_object(folder / "manifest.json", bundle(package))
        paths = {path.as_posix(): folder / path for path in files_below(folder)}
        with target.open("wb") as file:
            write_zip(file, {name: (path.read_bytes(), path.stat().st_mode) for name, path in paths.items()})
    write_object(project.dist / "server.json", registry_entry(package, sha256(target)))
    return target


def _copy_program(plugin: Path, target: Path, without: str | None = None) -> None:
    """Copy launcher and zipapps, but those with that word in their name, and what accounts for them."""
    for path in files_below(plugin):
        needed = path.parts[0] in PROGRAM or path.name in ("LICENSE", *ACCOMPANYING)
        if needed and not (without and without in path.name):
            copy_file(plugin / path, target / path)
    write_checksums(target)


def _write_skill(project: Project, folder: Path) -> None:
    """Put what Claude Code's skill says of the tools behind the beginning that the template has."""
    begin, original = folder / "SKILL.md", project.template / "skills" / SKILL_OF_CLAUDE
    _, heading, shared = original.joinpath("SKILL.md").read_text("utf-8").partition(SHARED_FROM)
    if not heading:
        raise BuildError(f"{original / 'SKILL.md'} has no chapter {SHARED_FROM.strip()!r}, from which on it is shared")
    text = begin.read_text("utf-8").rstrip() + "\n" + heading + shared.replace("${CLAUDE_SKILL_DIR}/", "")
    write_file(begin, text.encode())
    copy_tree(original / "references", folder / "references")

"""The official SDK of the Model Context Protocol against the MCP server, in both ways that a connection can begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp_types import CallToolResult, ElicitResult, ListRootsResult, Root, TextContent

from mcp import Client, StdioServerParameters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

MODES = {"auto": "2026-07-28", "legacy": "2025-11-25"}


def connected(
    command: tuple[str, ...],
    environment: Mapping[str, str],
    folder: Path,
    mode: str,
    use: Callable[[Client], Awaitable[None]],
) -> None:
    """Run `use` with a client that has one root, and whose user agrees to everything."""

    async def roots(context: Any) -> ListRootsResult:
        assert context
        await anyio.lowlevel.checkpoint()
        return ListRootsResult(roots=[Root.model_validate({"uri": folder.as_uri()})])

    async def agree(context: Any, params: Any) -> ElicitResult:
        assert context
        assert "in.bin" in params.message
        await anyio.lowlevel.checkpoint()
        return ElicitResult(action="accept", content={})

    async def main() -> None:
        server = StdioServerParameters(command=command[0], args=[*command[1:], "mcp"], env=dict(environment), cwd="/")
        with anyio.fail_after(300):
            async with Client(
                server, mode=mode, list_roots_callback=roots, elicitation_callback=agree, read_timeout_seconds=200
            ) as client:
                assert client.protocol_version == MODES[mode]
                await use(client)

    anyio.run(main)


def value(result: object) -> Any:
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result
    return result.structured_content


@pytest.mark.parametrize("mode", MODES)
def test_tools_are_listed_and_used(
    program: tuple[str, ...], local_environment: dict[str, str], tmp_path: Path, mode: str
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "in.bin").write_bytes(b"\0")
    reported: list[tuple[object, ...]] = []

    async def seen(progress: float, total: float | None, message: str | None) -> None:
        await anyio.lowlevel.checkpoint()
        reported.append((progress, total, message))

    async def use(client: Client) -> None:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {"run_code", "put_files", "get_files", "sessions", "stop", "job_start", "job_read"} == tools
        code = {"code": "import time; time.sleep(1.2); print(6 * 7)"}
        assert value(await client.call_tool("run_code", code, progress_callback=seen))["stdout"].strip() == "42"
        assert value(await client.call_tool("put_files", {"paths": ["in.bin"]})) == {"files": ["in.bin"], "bytes": 1}
        await client.call_tool("run_code", {"code": "open('out.txt', 'w').write('x')"})
        copied = value(await client.call_tool("get_files", {"paths": ["out.txt"]}))
        assert copied["files"] == [str(folder / "sandbox-output" / "out.txt")]
        failed = await client.call_tool("get_files", {"paths": ["out.txt"]})
        assert isinstance(failed.content[0], TextContent)
        assert (failed.is_error, failed.content[0].text.split(":")[0]) == (True, "error[FileExists]")
        job = value(await client.call_tool("job_start", {"code": "print(1)"}))["job"]
        assert value(await client.call_tool("job_read", {"job": job, "wait": 60}))["stdout"] == "1\n"
        value(await client.call_tool("stop", {"job": job}))
        value(await client.call_tool("sessions"))

    connected(program, {**local_environment, "HOME": str(tmp_path / "home")}, folder, mode, use)
    assert reported[0][1:] == (None, "1 s")


@pytest.mark.parametrize("mode", ["auto"])
def test_a_time_limit_of_the_client_ends_the_program(
    program: tuple[str, ...], local_environment: dict[str, str], tmp_path: Path, mode: str
) -> None:
    async def use(client: Client) -> None:
        value(await client.call_tool("run_code", {"code": "x = 1"}))
        with anyio.move_on_after(1) as scope:
            await client.call_tool("run_code", {"code": "while True: pass"})
        assert scope.cancelled_caught
        assert "NameError" in value(await client.call_tool("run_code", {"code": "x"}))["stderr"]

    connected(program, {**local_environment, "HOME": str(tmp_path / "home")}, tmp_path, mode, use)


def test_a_hundred_calls_at_once(program: tuple[str, ...], local_environment: dict[str, str], tmp_path: Path) -> None:
    async def use(client: Client) -> None:
        found: list[int] = []

        async def call(number: int) -> None:
            found.append(int(value(await client.call_tool("run_code", {"code": f"print({number})"}))["stdout"]))

        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(call, number)
        assert sorted(found) == list(range(100))
        listed = value(await client.call_tool("sessions"))["sessions"]
        assert len(listed) == 1

    connected(program, {**local_environment, "HOME": str(tmp_path / "home")}, tmp_path, "auto", use)

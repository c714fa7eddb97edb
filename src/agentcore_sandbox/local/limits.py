"""What one session may use."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """The resources of one session; the defaults are the service's where AWS documents them.

    Args:
        processes: Processes and threads alive at once (assumed).
        memory_bytes: Data segment of one process (AWS: 8 GB a session).
        file_bytes: Size of one file (AWS: 10 GB of disk a session).
        output_bytes: What is kept of each output stream of one execution (assumed; as large as fits into one message).
        payload_bytes: One request or reply without its encoding (AWS: 100 MB).
        command_bytes: Length of one shell command (the kernel's limit; AWS hangs silently beyond it).
        task_seconds: Run time of one task (AWS: 8 hours).
    """

    processes: int = 1024
    memory_bytes: int = 8 * GIB
    file_bytes: int = 10 * GIB
    output_bytes: int = 20 * MIB
    payload_bytes: int = 100_000_000
    command_bytes: int = 131_071
    task_seconds: int = 8 * 3600

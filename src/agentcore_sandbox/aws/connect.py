"""Connect the commands to the client, which is imported only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentcore_sandbox.aws.connection import Connection
    from agentcore_sandbox.aws.interpreter_client import ControlPlane
    from agentcore_sandbox.aws.session_client import CodeInterpreter
    from agentcore_sandbox.jobs.job import Job
    from agentcore_sandbox.settings import Flags, Settings


def connect(settings: Settings, *, runs_code: bool = True) -> CodeInterpreter:
    """Make a client.

    Args:
        settings: Where to run.
        runs_code: Not only looks at sessions, and stops them.

    Raises:
        AgentcoreSandboxError: Profile, region or credentials cannot be used.
    """
    _enable_awscrt(settings)
    from agentcore_sandbox.aws.session_client import CodeInterpreter

    return CodeInterpreter(settings, runs_code=runs_code)


def connect_account(settings: Settings) -> Connection:
    """Find credentials and region for the services of an account.

    Args:
        settings: Which account.

    Raises:
        AgentcoreSandboxError: Profile, region or credentials cannot be used.
    """
    _enable_awscrt(settings)
    from agentcore_sandbox.aws import connection
    from agentcore_sandbox.aws.account_errors import translated

    with translated(settings):
        connected = connection.connect(settings)
        _ = connected.region  # nothing can be done without one
    return connected


def connect_control(settings: Settings) -> ControlPlane:
    """Make a client of the control plane.

    Args:
        settings: Which account.

    Raises:
        AgentcoreSandboxError: Profile, region or credentials cannot be used.
    """
    connection = connect_account(settings)
    from agentcore_sandbox.aws.interpreter_client import ControlPlane

    return ControlPlane(connection, settings)


def find_job(job_id: str, flags: Flags) -> Job:
    """Find a job and connect to where it runs.

    Args:
        job_id: Its id.
        flags: Replace what was noted of where it runs.

    Raises:
        AgentcoreSandboxError: There is no such job, or no way to it.
    """
    from agentcore_sandbox.jobs import job

    return job.find(job_id, flags, connect)


def _enable_awscrt(settings: Settings) -> None:
    if not settings.is_local:
        from agentcore_sandbox.aws import common_runtime

        common_runtime.enable_awscrt_for(settings.profile)  # before botocore is imported

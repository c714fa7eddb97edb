"""Print `export` lines that point every AWS client at the emulator, which is started if need be."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from agentcore_sandbox import emulator
from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output

if TYPE_CHECKING:
    from agentcore_emulator.endpoint import LocalEndpoint

add_arguments = options.add_json


def run(*, as_json: bool) -> int:
    """Print lines for eval, or an object with a key for each variable.

    Args:
        as_json: Print JSON.
    """
    print_exports(Output(as_json=as_json), emulator.ensure())
    return 0


def print_exports(output: Output, endpoint: LocalEndpoint) -> None:
    """Print the variables that lead a client to a service.

    Args:
        output: Text or JSON.
        endpoint: The service.
    """
    variables = endpoint.client_variables(os.environ)
    if output.as_json:
        output.data(variables)
        return
    for name, value in variables.items():
        output.line(f"export {name}={shlex.quote(value)}")

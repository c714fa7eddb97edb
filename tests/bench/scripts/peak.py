"""The most memory of a command, in bytes: `peak.py WORDS`. A child's peak begins with that of its small parent."""

import os
import sys

child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, 1, 0)])
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss * 1024)  # noqa: T201 - the parent reads it
sys.exit(os.waitstatus_to_exitcode(status))

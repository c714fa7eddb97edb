"""What this user's command line has started and executed, written down in logs of the state folder."""

command = ""
"""What this process does, such as `job start`: the dispatcher says so."""

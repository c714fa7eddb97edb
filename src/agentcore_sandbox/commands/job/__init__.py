"""Jobs: programs that run on in a session when this command has ended, for up to 8 hours."""

SUBCOMMANDS = {
    "start": "start a program and print the job's id",
    "list": "list the jobs of this user, as last seen",
    "status": "look how a job is",
    "logs": "print a job's output; --follow goes on while it runs",
    "wait": "wait for a job's end and leave with its exit status",
    "stop": "end a job's program",
    "rm": "forget a job; its own session is stopped",
}

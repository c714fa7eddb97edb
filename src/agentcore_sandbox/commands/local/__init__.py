"""The emulator of this machine: serve it in the foreground, reach it from other clients, look at it, end it."""

SUBCOMMANDS = {
    "serve": "serve in the foreground until Ctrl-C, with a port, a log, faults and limits as you want them",
    "env": "print `export` lines that point every AWS client here, made for eval; starts the service if need be",
    "status": "say whether it runs, where, and with how many sessions",
    "stop": "end it and all its sessions",
}

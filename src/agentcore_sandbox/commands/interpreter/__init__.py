"""Code interpreters of the account."""

SUBCOMMANDS = {
    "create": "make one, wait until it is READY, print its id",
    "list": "list all",
    "show": "show one",
    "delete": "delete one for good",
}

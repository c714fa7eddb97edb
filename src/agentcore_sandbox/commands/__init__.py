"""One module a command, with two functions.

`add_arguments(parser)` declares the arguments; the module's docstring is what `--help` says first.
`run(**values)` takes each argument by name, the connection flags as one `settings.Flags`, and returns the exit status.
"""

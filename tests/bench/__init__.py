"""The benchmark: whole processes from outside, ours beside what a user would use instead. `nox -s bench` runs it.

`figures` says what a line of the table is, `processes` how one is measured, `stage` lays out what is measured and
`peers` what it talks to. Then one module a group of figures; `__main__` has the list.
"""

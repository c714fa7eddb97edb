"""Jobs: programs that run by themselves in a session, with their output in files and an exact exit status.

The service gives output only at a command's end and through a terminal that changes it. So a supervisor, started with
startCommandExecution, runs the program with its output in files of the session, which are read from any byte on.
"""

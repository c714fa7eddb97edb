"""An example or more of each command, for its help. A test parses them all."""

EXAMPLES = {
    "run": (
        "agentcore-sandbox run --interpreter-id local 'print(6 * 7)'",
        "agentcore-sandbox run --cmd 'uname -a'",
        "agentcore-sandbox run --file job.py --env MONTH=2026-11 --json",
        "agentcore-sandbox run --upload data.csv --download 'out:results/' - < job.py",
    ),
    "start": ("agentcore-sandbox start --timeout 3600", "agentcore-sandbox start --name work"),
    "exec": (
        "agentcore-sandbox exec work 'x = 1'",
        "agentcore-sandbox exec work 'print(x)'",
        "agentcore-sandbox exec work --exec-timeout 10 --cmd 'ls -l'",
    ),
    "stop": ("agentcore-sandbox stop work", "agentcore-sandbox stop --all"),
    "sessions": ("agentcore-sandbox sessions", "agentcore-sandbox sessions --all --json"),
    "cp": (
        "agentcore-sandbox cp data.csv 'plots/*.png' work:in/",
        "agentcore-sandbox cp 'work:out/*.csv' results/",
        "agentcore-sandbox cp work:out/report.txt - | less",
    ),
    "ls": ("agentcore-sandbox ls work", "agentcore-sandbox ls -r 'work:out/*.csv'"),
    "rm": ("agentcore-sandbox rm 'work:in/*.csv'", "agentcore-sandbox rm -r work:out"),
    "job start": (
        "agentcore-sandbox job start --file train.py",
        "agentcore-sandbox job start --session work --cmd 'make all'",
    ),
    "job list": ("agentcore-sandbox job list",),
    "job status": ("agentcore-sandbox job status 0123456789ab",),
    "job logs": ("agentcore-sandbox job logs 0123456789ab", "agentcore-sandbox job logs -f 0123456789ab"),
    "job wait": ("agentcore-sandbox job wait 0123456789ab && echo done",),
    "job stop": ("agentcore-sandbox job stop 0123456789ab",),
    "job rm": ("agentcore-sandbox job rm 0123456789ab",),
    "setup": (
        "agentcore-sandbox setup demo --network sandbox --dry-run",
        "agentcore-sandbox setup demo --network public --s3-read arn:aws:s3:::my-bucket",
        "agentcore-sandbox setup demo --teardown",
    ),
    "interpreter create": ("agentcore-sandbox interpreter create demo --network sandbox",),
    "interpreter list": ("agentcore-sandbox interpreter list --json",),
    "interpreter show": ("agentcore-sandbox interpreter show demo-AbCdEfGh12",),
    "interpreter delete": ("agentcore-sandbox interpreter delete demo-AbCdEfGh12",),
    "policy trust": ("agentcore-sandbox policy trust > trust.json",),
    "policy execution": ("agentcore-sandbox policy execution --s3-read arn:aws:s3:::my-bucket",),
    "policy caller": ("agentcore-sandbox policy caller --interpreter-id aws.codeinterpreter.v1",),
    "template cloudformation": ("agentcore-sandbox template cloudformation demo --network sandbox > demo.json",),
    "doctor": ("agentcore-sandbox doctor", "agentcore-sandbox doctor --interpreter-id local --run"),
    "local serve": (
        "agentcore-sandbox local serve --port 8080 --log requests.jsonl",
        "agentcore-sandbox local serve --fault throttle=start:2 --fault latency=invoke:0.5",
    ),
    "local env": ('eval "$(agentcore-sandbox local env)"',),
    "local status": ("agentcore-sandbox local status --json",),
    "local stop": ("agentcore-sandbox local stop",),
    "completion": ('eval "$(agentcore-sandbox completion bash)"',),
}


def text(command: str) -> str:
    """The end of a command's help.

    Args:
        command: A key of `EXAMPLES`.
    """
    return "\n  ".join(("examples:", *EXAMPLES[command]))

"""`python -m bench`: measure, print the table, write dist/bench.json; see the package's docstring."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from bench import compiled, files, growth, maps, mcp, readme, service, startup, streams, task
from bench.figures import Figure, table
from bench.processes import BrokenMeasurementError
from bench.stage import Stage
from plugin_build.source_tree import ROOT

GROUPS = {
    "startup": startup.figures,
    "task": task.figures,
    "compiled": compiled.figures,
    "mcp": mcp.figures,
    "streams": streams.figures,
    "files": files.figures,
    "service": service.figures,
    "growth": growth.figures,
    "map": maps.figures,
}
RUNS = 5


def main() -> int:
    """Run the benchmark; its exit status says whether all was measured, not how fast it was."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stage = Stage(Path(folder), options.yardsticks)
        stage.lay_out()
        try:
            figures = _measure(stage, options.groups or list(GROUPS), options.runs)
        except BrokenMeasurementError as error:
            print(f"error: a measurement is broken: {error}", file=sys.stderr)  # noqa: T201 - a command's output
            return 1
    versions = readme.versions(options.yardsticks)
    print("\n".join([readme.machine(), ", ".join(versions), *table(figures)]))  # noqa: T201 - as above
    target = ROOT / "dist" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps([figure.as_json() for figure in figures], indent=1) + "\n", encoding="utf-8")
    if options.readme:
        readme.rewrite(ROOT / "docs/performance.md", figures, versions)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s bench --", description="Measure, as ratios in one run.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"{', '.join(GROUPS)}; all by default")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"rounds of what is quick; others take fewer ({RUNS})")
    parser.add_argument("--readme", action="store_true", help="write docs/performance.md; takes all groups")
    parser.add_argument("--yardsticks", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    if options.readme and options.groups:
        parser.error("--readme takes all groups")
    return options


def _measure(stage: Stage, groups: list[str], runs: int) -> list[Figure]:
    figures: list[Figure] = []
    for name in groups:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)  # noqa: T201 - progress
        figures += GROUPS[name](stage, runs)
    return figures


if __name__ == "__main__":
    sys.exit(main())

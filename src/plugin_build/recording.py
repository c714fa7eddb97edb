"""Record the demo as an SVG that looks like a terminal, and follows the reader's light or dark theme."""

from __future__ import annotations

import html
import subprocess
import sys
from pathlib import Path

RECORDING = Path("docs/demo.svg")
FONT_SIZE, LINE_HEIGHT, COLUMN_WIDTH, MARGIN = 14, 19, 8.4, 20
STYLE = f"""\
text {{ font: {FONT_SIZE}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; }}
.command {{ font-weight: bold; }}
rect {{ fill: #f6f8fa; stroke: #6e7781; }} text {{ fill: #1f2328; }}
.command {{ fill: #0550ae; }} .note {{ fill: #6e7781; }}
@media (prefers-color-scheme: dark) {{
  rect {{ fill: #0d1117; stroke: #8b949e; }} text {{ fill: #e6edf3; }}
  .command {{ fill: #79c0ff; }} .note {{ fill: #8b949e; }}
}}"""


def main() -> None:
    """Run the demo and write what it prints to docs/demo.svg.

    Raises:
        CalledProcessError: The demo failed.
    """
    demo = [sys.executable, "-m", "plugin_build.demo"]
    shown = subprocess.run(demo, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True).stdout
    RECORDING.write_text(render(shown), encoding="utf-8")


def render(shown: str) -> str:
    """An SVG of the lines; `$ ` begins a command, `[` a note."""
    lines = shown.rstrip("\n").split("\n")
    width = round(max(map(len, lines)) * COLUMN_WIDTH + 2 * MARGIN)
    height = len(lines) * LINE_HEIGHT + 2 * MARGIN
    rows = "\n".join(_row(number, line) for number, line in enumerate(lines) if line)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" xml:space="preserve">
<title>The demo of agentcore-sandbox, as a terminal shows it</title>
<style>
{STYLE}
</style>
<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>
{rows}
</svg>
"""


def _row(number: int, line: str) -> str:
    kind = ' class="command"' if line.startswith("$ ") else ' class="note"' if line.startswith("[") else ""
    # The width is set, not left to the font: what the reader has may be wider.
    place = f'x="{MARGIN}" y="{MARGIN + FONT_SIZE + number * LINE_HEIGHT}" textLength="{len(line) * COLUMN_WIDTH:.1f}"'
    visible = "".join(character if character.isprintable() else "\ufffd" for character in line)
    return f"<text{kind} {place}>{html.escape(visible, quote=False)}</text>"


if __name__ == "__main__":
    main()

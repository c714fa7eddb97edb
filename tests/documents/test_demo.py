"""The demo runs to its end, and docs/demo.svg is what a reader would see."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

from plugin_build import recording
from support.build_folders import ROOT
from support.processes import DEADLINE


def run_demo(environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "plugin_build.demo"],
        env={**environment, "PYTHONPATH": str(ROOT / "src")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.nightly
def test_recording_is_the_real_run(base_environment: dict[str, str]) -> None:
    shown = re.sub(r'PATH="[^":]*:', 'PATH="$PWD/.nox/demo/bin:', run_demo(base_environment))
    assert recording.render(shown) == Path(ROOT, recording.RECORDING).read_text("utf-8")


def test_what_cannot_be_in_an_svg_is_shown_as_text() -> None:
    line = 'a < b & "c" \x1b[31m\x00 é'
    [text] = re.findall(r"<text [^>]*>([^<]*)</text>", recording.render(line))
    assert html.unescape(text) == line.replace("\x1b", "\ufffd").replace("\x00", "\ufffd")

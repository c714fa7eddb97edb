"""The bill of materials of all zipapps, in CycloneDX, from the lock."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component as CycloneComponent
from cyclonedx.model.component import ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from plugin_build.components import BUNDLED, Component, locked

if TYPE_CHECKING:
    from pathlib import Path


def write(target: Path, version: str) -> None:
    """Write the bill of materials.

    Args:
        target: The file to write.
        version: The product's version.
    """
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
    return made


def _component(component: Component) -> CycloneComponent:
    made = CycloneComponent(name=component.name, version=component.version or None, bom_ref=component.name)
    made.licenses = {LicenseFactory().make_from_string(component.licence)}
    made.external_references = {ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(component.source))}
    return made

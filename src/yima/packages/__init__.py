"""FHIR packages that a deployment loaded: their profiles, for `$validate`. No person is known here; see README.md.

Face: `read_package` turns a `.tgz` into a `Package`; `Packages` keeps its profiles and hands them out as a `Library`.
"""

from yima.packages.reading import Package, read_package
from yima.packages.store import Listed, Packages

__all__ = ["Listed", "Package", "Packages", "read_package"]

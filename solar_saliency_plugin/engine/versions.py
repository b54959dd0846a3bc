"""Versions of the packages that results depend on."""

import contextlib
import importlib.metadata
from typing import Dict

PACKAGES = (
    "torch",
    "captum",
    "numpy",
    "scipy",
    "scikit-image",
    "rasterio",
    "safetensors",
    "shapely",
    "pyproj",
    "pyogrio",
)


def package_versions() -> Dict[str, str]:
    """Installed versions by package name, read without importing the packages."""
    versions = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions

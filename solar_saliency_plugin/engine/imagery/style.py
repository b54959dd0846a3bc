"""Styles that results bring along, so that they look right when opened outside the plugin, too."""

import os
from pathlib import Path
from string import Template

#: Stands in every style of ours, and in none that QGIS has saved: it drops comments.
OURS = "<!-- Solar Saliency: "

#: Templates of QGIS styles; ``$name`` is replaced. In ``parts``: what a style has several times.
STYLES = Path(__file__).resolve().parents[3] / "resources" / "styles"


def style(name: str, **values: str) -> str:
    """The QGIS style ``name`` (QML text), with ``values`` in the places that the template names."""
    return Template((STYLES / f"{name}.qml").read_text(encoding="utf-8")).substitute(values)


def threshold_values(threshold: float) -> dict[str, str]:
    """What the styles of detections take: the ramp jumps from clear to coloured at ``threshold``.

    It does so between two values that lie closer together than stored probabilities do.
    """
    return {"threshold": f"{threshold:g}", "below": f"{max(0.0, threshold - 1e-6):.6f}"}


def is_users_own(path: Path) -> bool:
    """Whether there is a style at ``path`` that is none of ours, and so not ours to replace."""
    return path.exists() and OURS not in path.read_text(encoding="utf-8", errors="replace")


def write_style(name: str, path: Path, **values: str) -> None:
    """Write style ``name`` to ``path``, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(style(name, **values), encoding="utf-8")
    os.replace(part, path)

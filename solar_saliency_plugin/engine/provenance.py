"""How a result was made, told in the result itself, so that it can be understood, and made again, years later.

One tag holds it all as JSON. Times of day and durations are left out: the same request on the same scene with the
same model gives the same bytes.
"""

import json
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence

from ..contract.options import to_json
from ..contract.provenance import RUN_TAG, parse_run
from ..contract.version import PLUGIN_VERSION
from .versions import package_versions

if TYPE_CHECKING:
    from .imagery.scene import Scene


def run_tag(
    method: str,
    request: Any,
    *,
    scene: Dict[str, Any],
    result: Dict[str, Any],
    model: Optional[Dict[str, str]] = None,
    warnings: Sequence[str] = (),
) -> Dict[str, str]:
    """The tag of a result of ``method``, ready for a raster's or layer's metadata."""
    run = {
        "method": method,
        "request": to_json(request),
        "scene": scene,
        "model": model or {},
        "result": result,
        "software": {"solar_saliency": PLUGIN_VERSION, **package_versions()},
        "warnings": list(warnings),
    }
    return {RUN_TAG: json.dumps(run, ensure_ascii=False, allow_nan=False, sort_keys=True)}


def scene_facts(scene: "Scene") -> Dict[str, Any]:
    """What a result should remember of the scene that it was made from."""
    return {
        "id": scene.id,
        "date": scene.date,
        "level": scene.level,
        "correction": scene.correction.summary if scene.correction else "",
        "simulated": is_simulated(scene.id),
    }


def is_simulated(scene_id: str) -> bool:
    """Whether a scene is one of our own making (the sample) and must be labelled so wherever it shows."""
    return scene_id.upper().startswith("SIMULATED")


def read_run(tags: Mapping[str, str]) -> Dict[str, Any]:
    """What :func:`run_tag` wrote; empty where there is none or it is damaged."""
    return parse_run(tags.get(RUN_TAG, ""))

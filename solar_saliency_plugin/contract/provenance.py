"""How results say how they were made: the engine writes it, both sides read it back.

A raster may come from anywhere, so a tag is believed only where it has the form that the engine writes.
"""

import json
from typing import Any, Dict

#: Name of the tag, in the default metadata domain: custom domains are lost on the way from GeoTIFF to COG.
RUN_TAG = "SOLAR_SALIENCY_RUN"

#: What the engine warns of where a scene is simulated. Who says so elsewhere need not repeat it.
SIMULATED_WARNING = "The scene is simulated: its farms and fields do not exist."

_MEMBERS = {"method": str, "request": dict, "scene": dict, "model": dict, "result": dict, "software": dict}


def parse_run(text: str) -> Dict[str, Any]:
    """The run that a tag tells of, all its members there and of the right type; empty where the tag is none."""
    try:
        run = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(run, dict) or not all(isinstance(run.get(name), kind) for name, kind in _MEMBERS.items()):
        return {}
    warnings = run.get("warnings")
    if not isinstance(warnings, list) or not all(isinstance(warning, str) for warning in warnings):
        return {}
    return run

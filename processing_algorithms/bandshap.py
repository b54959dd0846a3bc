"""Explain Regions by Bands: which spectral bands raised or lowered the model's answer, by exact Shapley values."""

from typing import Any, ClassVar, Dict, Mapping

from .explaining_regions import RegionAlgorithm


class BandShap(RegionAlgorithm):
    """What each spectral band of a region raised or lowered the model's answer by."""

    METHOD = "bandshap"
    DISPLAY_NAME = "Explain Regions by Bands"
    ICON = "explain_bands.svg"
    LABELS: ClassVar[Dict[str, str]] = {
        **RegionAlgorithm.LABELS,
        "output": "Regions with the values of their bands",
        "table": "Table of bands",
    }

    def parts(self, result: Mapping[str, Any]) -> str:
        count = max((sum(player["name"] != "rest" for player in a["players"]) for a in result["regions"]), default=0)
        of = "group" if self._request.get("players") == "band_groups" else "band"
        plural = "" if count == 1 else "s"
        return f"{count} {of}{plural}{' of bands' if of == 'group' else ''}"

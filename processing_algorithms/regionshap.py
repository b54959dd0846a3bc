"""Explain Regions: which parts of a place raised or lowered the model's answer, by Shapley values of superpixels."""

from typing import Any, ClassVar, Dict, Mapping

from qgis.core import QgsProcessingContext, QgsProcessingException

from .explaining_regions import RegionAlgorithm, useless
from .wording import choice_text


class RegionShap(RegionAlgorithm):
    """What each superpixel of a region raised or lowered the model's answer by."""

    METHOD = "regionshap"
    DISPLAY_NAME = "Explain Regions"
    ICON = "explain_regions.svg"
    LABELS: ClassVar[Dict[str, str]] = {
        **RegionAlgorithm.LABELS,
        "output": "Superpixels",
        "raster": "Values as a raster",
        "cut": "The region is cut into",
        "segments": "Layer of polygons to cut by",
        "superpixels": "Number of superpixels",
        "superpixel": "Or the size of superpixels",
        "cut_bands": "Bands that likeness is judged by",
        "components": "Judge likeness by principal components",
        "estimator": "How the values are found",
        "error": "Stop early at this error (0: do not)",
        "neighbours": "L-Shapley: steps to neighbours",
        "outside": "L-Shapley: superpixels farther away",
        "interactions": "Find pairs that only count together",
    }

    def parts(self, result: Mapping[str, Any]) -> str:
        count = sum(player["name"] != "rest" for answer in result["regions"] for player in answer["players"])
        return f"{count} superpixel{'' if count == 1 else 's'}"

    def checked_inputs(self, parameters: Dict[str, Any], context: QgsProcessingContext) -> Dict[str, Any]:
        values = super().checked_inputs(parameters, context)
        if values.get("cut") == "polygons" and not values.get("segments"):
            raise QgsProcessingException(
                f"“{self.shown('cut')}” says “{choice_text('cut', 'polygons')}”: choose one under "
                f"“{self.shown('segments')}”."
            )
        return values

    def left_over(self, values: Mapping[str, Any]) -> Dict[str, str]:
        found = super().left_over(values)
        cut, estimator = self.chosen(values, "cut"), self.chosen(values, "estimator")
        reasons = {
            "segments": (cut != "polygons", self._cut_is(cut)),
            "superpixels": (bool(values.get("superpixel")), "their size is given."),
            "cut_bands": (cut in ("grid", "polygons"), self._cut_is(cut)),
            "components": (cut in ("grid", "polygons"), self._cut_is(cut)),
            "neighbours": (estimator != "l_shapley", self._found_by(estimator)),
            "outside": (estimator != "l_shapley", self._found_by(estimator)),
            "error": (estimator in ("exact", "l_shapley", "lime"), self._found_by(estimator)),
        }
        if cut == "polygons":
            reasons.update({name: (True, self._cut_is(cut)) for name in ("superpixels", "superpixel")})
        for name, (applies, because) in reasons.items():
            if applies and name in self.changed(values):
                found[name] = useless(self.shown(name), because)
        return found

    def _cut_is(self, cut: str) -> str:
        return f"the region is cut into “{choice_text('cut', cut)}”."

    def _found_by(self, estimator: str) -> str:
        return f"the values are found by “{choice_text('estimator', estimator)}”."

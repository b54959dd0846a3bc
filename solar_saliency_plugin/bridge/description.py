"""How a result was made, in lines for people: what Layer Properties ▸ Information shows."""

from typing import Any, Dict, List

from . import answers


def is_simulated(run: Dict[str, Any]) -> bool:
    """Whether a result was computed from a simulated scene."""
    scene = run.get("scene") or {}
    return bool(scene.get("simulated")) or "simulated" in str(scene.get("id", "")).lower()


def description(run: Dict[str, Any]) -> List[str]:
    """How a result was made, in lines for people; what matters most comes first."""
    scene, model, result = run.get("scene") or {}, run.get("model") or {}, run.get("result") or {}
    lines = []
    if is_simulated(run):
        lines.append("SIMULATED: computed from a simulated scene, not from an image of the Earth.")
    lines += [f"Warning: {warning}" for warning in run.get("warnings") or ()]
    about = [scene.get("id"), scene.get("date"), scene.get("level")]
    lines.append("Scene: " + ", ".join(str(t) for t in about if t))
    if model:
        lines.append(f"Model: {model.get('name')} (SHA-256 {model.get('sha256')})")
    lines += _regions(result)
    told = {name: value for name, value in result.items() if name not in _TOLD_ELSEWHERE and value != {}}
    lines += [_in_words(name, value) for name, value in told.items()]
    versions = ", ".join(f"{name} {version}" for name, version in (run.get("software") or {}).items())
    lines.append(f"Made by “{run.get('method')}” of {versions}.")
    return lines


#: Members of a result that the layer's own information, or another line, says already.
_TOLD_ELSEWHERE = (
    *("output", "mask_output", "report", "layer", "model", "model_sha256", "width", "height"),
    *("target_wkt", "target_crs", "facts", "regions", "refused", "raster", "table", "crs"),
)

#: Regions that are told of, one by one.
_REGIONS = 20

#: Members of a result whose names do not say enough.
_WORDS = {
    "f_x": "Answer for the image",
    "f_baseline": "Answer for the baseline",
    "error": "Error of that sum (as a share)",
    "attribution_sum": "Sum of the attributions",
    "inside": "Share of the attribution inside the target",
    "within_50_m": "Share up to 50 m around it",
    "within_100_m": "Share at 50–100 m",
    "within_200_m": "Share at 100–200 m",
    "beyond_200_m": "Share farther away",
    "bands": "Sum of each band",
    "baseline_text": "Compared with",
    "explained": "Regions explained",
    "players": "Parts in all",
    "evaluations": "Evaluations of the model",
    "seed": "Seed of random numbers",
}


def _regions(result: Dict[str, Any]) -> List[str]:
    """What came out for each region, and which ones could not be explained; what is damaged is left out."""
    lines = []
    regions, refused = (value if isinstance(value, list) else [] for value in map(result.get, ("regions", "refused")))
    for region in regions[:_REGIONS]:
        try:
            told = answers.told(region)
            lines += told if len(regions) == 1 else [f"{region['name']}: {told[0]}"]
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):  # a tag may hold anything
            continue
    if len(regions) > _REGIONS:
        lines.append(f"And {len(regions) - _REGIONS} more regions.")
    lines += [f"Left out: {one.get('name')}: {one.get('reason')}" for one in refused if isinstance(one, dict)]
    return lines


def _in_words(name: str, value: Any) -> str:
    words = _WORDS.get(name) or name.replace("_", " ").capitalize()
    if isinstance(value, dict):
        return f"{words}: " + ", ".join(
            f"{key} {_number(member)}" for key, member in sorted(value.items(), key=_place_of)
        )
    sound = isinstance(value, (int, float)) and abs(value) < 1e12  # a tag may hold anything
    if name.endswith("_share") and sound:
        return f"{words}: {100 * value:.2f} %"
    if name.endswith("_ha") and sound:
        return f"{words[:-3]}: {value:.1f} ha"
    return f"{words}: {_number(value)}"


def _place_of(member: "tuple[str, Any]") -> str:
    """What members are sorted by: B8A lies between B08 and B09."""
    return member[0].replace("B8A", "B08A")


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

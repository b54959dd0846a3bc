"""Answers of the engine as its results have them, to be told and shown without asking it."""

from solar_saliency.solar_saliency_plugin.contract.options import to_json
from solar_saliency.solar_saliency_plugin.contract.region_shap import (
    BandShapResult,
    Compared,
    Player,
    RegionAnswer,
    RegionShapResult,
)

SQUARE = "POLYGON ((400000 2899000, 400200 2899000, 400200 2899200, 400000 2899200, 400000 2899000))"
NAN = float("nan")


def player(name, phi, error=0.05, **changed):
    """One part; a number is a superpixel's, other names are of bands, or the rest."""
    number, _, bands = name.partition(", ")
    known = {
        "name": name,
        "number": int(number) if number.isdigit() else 0,
        "bands": bands if number.isdigit() else ("" if name == "rest" else name),
        "phi": phi,
        "standard_error": error,
        "lower": phi - 1.96 * error,
        "upper": phi + 1.96 * error,
        "rank": 1,
        "share": 0.1,
        "certain": error == 0 or abs(phi) > 1.96 * error,
        "contrast": 1.0,
        "area_ha": 0.5,
        "pixels": 50,
        "spectrum": {"B02": 0.1},
    }
    return Player(**{**known, **changed})


def answer(players, **changed):
    """What came out for a region whose parts add up."""
    total = sum(one.phi for one in players)
    known = {
        "name": "region",
        "region_wkt": SQUARE,
        "target_wkt": SQUARE,
        "target_pixels": 400,
        "probability": 0.932,
        "f_x": total - 3,
        "f_baseline": -3.0,
        "phi_sum": total,
        "difference": 0.0,
        "players": tuple(players),
        "estimator": "crossfit",
        "evaluations": 250,
        "asked": 250,
        "r2": 0.987,
        "precision": "float32",
        "baseline_text": "bare soil",
        "hidden": (),
        "compared": (),
        "interactions": (),
        "facts": {},
        "stopped": False,
        "seconds": 2.0,
    }
    return RegionAnswer(**{**known, **changed})


def other_baseline(**changed):
    """What another baseline says."""
    known = {
        "baseline": "zero",
        "baseline_text": "zero",
        "f_baseline": -2.0,
        "phi": (1.0,),
        "standard_error": (0.1,),
        "rank_correlation": 0.5,
        "hidden": (),
        "evaluations": 250,
    }
    return Compared(**{**known, **changed})


def result(answers, kind=RegionShapResult, **changed):
    """A result as the engine sends it."""
    file = {RegionShapResult: {"raster": ""}, BandShapResult: {"table": ""}}[kind]
    known = {
        "output": "/s.gpkg",
        "layer": "superpixels" if kind is RegionShapResult else "regions",
        **file,
        "report": "",
        "regions": tuple(answers),
        "refused": (),
        "explained": len(answers),
        "players": sum(len(one.players) for one in answers),
        "evaluations": 250,
        "seed": 1,
        "crs": "EPSG:32643",
        "device": "cpu",
        "model": "compact",
        "model_sha256": "0" * 64,
        "simulated": False,
        "seconds": 2.5,
    }
    return to_json(kind(**{**known, **changed}))

"""Answers that no engine gave, with as many superpixels as one likes."""

import random
from dataclasses import replace

from solar_saliency.solar_saliency_plugin.contract.region_shap import Compared
from solar_saliency.solar_saliency_plugin.gui.explain_panel.answer import begun, refined


def told_first(outlines, crs="EPSG:32643"):
    """The first thing that a run tells: players with these outlines (well-known text), without values."""
    players = [
        {"name": str(key + 1), "number": key + 1, "wkt": wkt, "area_ha": 1.0, "pixels": 100, "contrast": 1.0}
        for key, wkt in enumerate(outlines)
    ]
    first = {"name": "made up", "probability": 0.9, "f_x": 3.0, "f_baseline": -4.0, "target_pixels": 100, "crs": crs}
    return begun({**first, "players": players})


def estimated(shown, seed=0):
    """The same with an estimate."""
    rng, count = random.Random(seed), len(shown.players)
    estimate = {"phi": [rng.gauss(0.01, 0.1) for _ in range(count)], "standard_error": [0.05] * count}
    return refined(shown, {**estimate, "estimator": "kernel", "evaluations": 1000, "of": 9000})


def whole(shown):
    """The end of a run: every player has a spectrum."""
    spectrum = {f"B{band:02d}": 0.1 for band in range(10)}
    players = tuple(replace(player, spectrum=spectrum) for player in shown.players)
    return replace(shown, whole=True, answer=replace(shown.answer, players=players))


def compared(shown, *errors, correlations=(0.5,) * 4):
    """The same, compared with a baseline for each error; empty: that went well."""
    players = shown.players
    phi, standard_error = tuple(-player.phi for player in players), tuple(player.standard_error for player in players)
    others = tuple(
        Compared(name, name, -3.0, phi, standard_error, agrees, (), 9, error=error)
        for name, error, agrees in zip(("zero", "mean", "blur", "surroundings"), errors, correlations)
    )
    return replace(shown, answer=replace(shown.answer, compared=others))

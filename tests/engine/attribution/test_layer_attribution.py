"""Looking into the network from end to end: what is asked, what is written, what is refused."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from scipy.ndimage import map_coordinates

from solar_saliency_plugin.contract.errors import CancelledError, MethodUnsuitableError, RequestError
from solar_saliency_plugin.contract.layer_attribution import (
    LAYER_METHODS,
    LayerAttributionRequest,
    LayerAttributionResult,
)
from solar_saliency_plugin.contract.provenance import RUN_TAG
from solar_saliency_plugin.engine.attribution import explained
from solar_saliency_plugin.engine.attribution import layer_attribution as module
from solar_saliency_plugin.engine.attribution.layer_attribution import layer_attribution
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.models.registry import Model

TARGET = "POLYGON((300150 2999850, 300250 2999850, 300250 2999770, 300150 2999770, 300150 2999850))"
COARSE = "encoder.2.1.2"

Look = Callable[..., tuple[LayerAttributionResult, np.ndarray, dict[str, Any]]]


@pytest.fixture(scope="module")
def scene(
    write_scene: Callable[..., Path], landscape: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    reflectance = landscape(47, 53, 3)
    reflectance[:, 20:22, 5:9] = np.nan
    return write_scene(tmp_path_factory.mktemp("layers") / "scene.tif", reflectance)


@pytest.fixture
def look(scene: Path, tmp_path: Path, wide_model: Model, monkeypatch: pytest.MonkeyPatch) -> Look:
    monkeypatch.setattr(explained, "load_model", lambda name, warn: wide_model)

    def run(job: Job | None = None, **asked: Any) -> tuple[LayerAttributionResult, np.ndarray, dict[str, Any]]:
        output = tmp_path / "layer.tif"
        first = {"scene": str(scene), "target": TARGET, "pixels": "all", "output": str(output), "device": "cpu"}
        result = layer_attribution(LayerAttributionRequest(**{**first, **asked}), job or Job.silent())
        with rasterio.open(output) as file:
            return result, file.read(), json.loads(file.tags()[RUN_TAG])

    return run


def test_the_result_says_all_that_is_needed_to_trust_and_repeat_it(look: Look) -> None:
    result, values, told = look(layer="stem.0.2")
    assert result.error <= 0.02 and not result.goes_round
    assert result.wanted_sum == pytest.approx(result.f_x - result.f_baseline, rel=1e-4)
    assert result.attribution_sum == pytest.approx(sum(row["sum"] for row in result.channels))
    assert result.attribution_sum == pytest.approx(float(np.nansum(values[0])), rel=0.02)  # nodata is left out
    assert told["method"] == "layerattribution" and told["result"]["layer"] == "stem.0.2"
    assert told["result"]["settings"] == {"steps": 64} and told["result"]["channels"][0]["share"] > 0


def test_channels_are_listed_by_their_share_and_layers_by_their_order(look: Look) -> None:
    result, values, _ = look(layer=COARSE, top_channels=3)
    shares = [row["share"] for row in result.channels]
    assert shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 1 and len(shares) == 20
    names = [layer["name"] for layer in result.layers]
    assert names.index("stem.0.2") < names.index(COARSE) < names.index("head") == len(names) - 1
    by_name = {layer["name"]: layer for layer in result.layers}
    assert by_name[COARSE] == {"name": COARSE, "channels": 32, "cell": 4}
    assert len(values) == 4 and result.goes_round


def test_bands_are_named_after_their_channels(look: Look, tmp_path: Path) -> None:
    result, values, _ = look(layer=COARSE, top_channels=2)
    with rasterio.open(tmp_path / "layer.tif") as file:
        titles = file.descriptions
    first, second = (row["channel"] for row in result.channels[:2])
    assert titles == ("attribution, sum over channels", f"channel {first}", f"channel {second}")
    _, alone, _ = look(layer=COARSE, channel=first)
    assert np.array_equal(alone[0], values[1], equal_nan=True)


def test_cells_are_drawn_over_their_pixels_without_a_shift(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[np.ndarray] = []
    drawn = module._drawn
    monkeypatch.setattr(module, "_drawn", lambda run, v, table: (found.append(v.numpy()), drawn(run, v, table))[1])
    _, values, _ = look(layer=COARSE)
    cells = found[0].sum(axis=0)
    rows, cols = np.mgrid[: values.shape[1], : values.shape[2]]
    expected = map_coordinates(cells, ((rows + 0.5) / 4 - 0.5, (cols + 0.5) / 4 - 0.5), order=1, mode="nearest")
    valid = np.isfinite(values[0])
    assert valid.sum() == values[0].size - 8
    np.testing.assert_allclose(values[0][valid], expected[valid], rtol=1e-4, atol=1e-7)


def test_the_map_lies_on_the_scenes_own_pixels(look: Look, tmp_path: Path) -> None:
    point = "POINT(300283 2999716)"
    _, values, _ = look(target=point, layer="head", attribution_method="internal_influence")
    with rasterio.open(tmp_path / "layer.tif") as file:
        row, col = file.index(300283, 2999716)
    assert np.nan_to_num(values[0])[row, col] == 1 and np.nansum(np.abs(values[0])) == 1


def test_a_channel_is_explained_in_the_image_band_by_band(look: Look, tmp_path: Path) -> None:
    result, values, _ = look(
        attribution_method="neuron_integrated_gradients", layer=COARSE, channel=4, per_band=True, steps=300
    )
    assert values.shape[0] == 13 and np.allclose(values[0], values[3:].sum(axis=0), atol=1e-6, equal_nan=True)
    with rasterio.open(tmp_path / "layer.tif") as file:
        assert file.descriptions[3] == "B02" and file.descriptions[-1] == "B12"
    assert result.wanted_sum == pytest.approx(result.neuron_x - result.neuron_baseline, abs=1e-5)
    assert result.channel == 4 and result.channels == ()


@pytest.mark.parametrize("name", LAYER_METHODS)
def test_every_method_gives_a_map_with_any_baseline(look: Look, name: str) -> None:
    channel = 1 if LAYER_METHODS[name].bands else None
    result, values, _ = look(attribution_method=name, channel=channel, baseline="surroundings", spectra=5)
    assert np.nanmax(np.abs(values[0])) > 0
    assert bool(result.baseline_text) == (LAYER_METHODS[name].baseline != "none")


def test_the_same_request_gives_the_same_bytes(look: Look, tmp_path: Path) -> None:
    look(attribution_method="layer_gradient_shap", samples=9)
    first = (tmp_path / "layer.tif").read_bytes()
    look(attribution_method="layer_gradient_shap", samples=9)
    assert (tmp_path / "layer.tif").read_bytes() == first


def test_a_baseline_equal_to_the_image_is_said_to_show_nothing(look: Look, scene: Path) -> None:
    result, values, _ = look(baseline="scene", baseline_scene=str(scene))
    assert np.nanmax(np.abs(values)) == 0
    assert any("equals the image" in warning for warning in result.warnings)


def test_too_few_steps_are_warned_of(look: Look) -> None:
    result, _, told = look(attribution_method="layer_integrated_gradients", layer="stem.0.0", steps=2)
    assert result.error > 0.01 and any("miss what they should" in warning for warning in told["warnings"])


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"layer": "nonsense"}, "no layer “nonsense”"),
        ({"channel": 32, "layer": COARSE}, "no channel 32"),
        ({"attribution_method": "neuron_gradient"}, "for one channel, and none was given"),
        ({"attribution_method": "neuron_gradient", "channel": 1, "top_channels": 2}, "no map of others"),
        ({"attribution_method": "gradcam", "steps": 20}, "no parameter “steps”"),
        ({"samples": 20}, "no parameter “samples”"),
        ({"per_band": True}, "has no bands"),
    ],
)
def test_what_makes_no_sense_is_refused_in_plain_words(
    look: Look, tmp_path: Path, asked: dict[str, Any], words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        look(**asked)
    assert list(tmp_path.iterdir()) == [], "nothing half written is left"


def test_networks_whose_activations_are_out_of_reach_and_large_targets_are_refused(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explained.Explainable, "why_not", lambda self, needs: "it is sealed" if needs else "")
    with pytest.raises(MethodUnsuitableError, match="it is sealed"):
        look()
    monkeypatch.undo()


def test_a_target_that_needs_windows_is_refused_with_the_reason(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explained, "WHOLE_PIXELS", 100)
    with pytest.raises(MethodUnsuitableError, match="target as a whole"):
        look()


class Cancelling(SilentListener):
    """Cancels a job soon after it tells its first progress."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.when = 0.0

    def progressed(self, progress: Any) -> None:
        if progress.fraction > module.FOUND and not self.when:
            self.when = time.monotonic()
            self.cancelled.set()


def test_a_cancelled_run_stops_within_a_second_and_leaves_nothing(look: Look, tmp_path: Path) -> None:
    listener = Cancelling()
    with pytest.raises(CancelledError):
        look(job=Job(listener, listener.cancelled), steps=5000)
    assert listener.when and time.monotonic() - listener.when < 1
    assert list(tmp_path.iterdir()) == []

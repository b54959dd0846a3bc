"""STAC items beside images: what they say of scale, offset, bands and date is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from solar_saliency_plugin.contract.errors import SceneNotFoundError
from solar_saliency_plugin.contract.imagery import SceneOptions
from solar_saliency_plugin.engine.imagery.bands import MODEL_BANDS
from solar_saliency_plugin.engine.imagery.scene import open_scene
from solar_saliency_plugin.engine.job import Job

SPECTRUM = np.array([500, 800, 600, 1200, 2500, 3000, 3300, 3400, 2200, 1300])
NUMBERS = np.rint(SPECTRUM[:, None, None] * np.random.default_rng(0).uniform(0.5, 1.5, (10, 20, 20))) + 1000


def write_item(folder: Path, assets: dict, **properties: object) -> Path:
    path = folder / "item.json"
    item = {"type": "Feature", "stac_version": "1.0.0", "id": "S2B_33UVP_20230615_0_L2A", "assets": assets}
    path.write_text(json.dumps(item | {"properties": {"datetime": "2023-06-15T10:00:00Z", **properties}}))
    return path


@pytest.fixture
def folder(write_scene: Callable, tmp_path: Path) -> Path:
    """Ten files with the offset of newer baselines in their numbers."""
    for band, numbers in zip(MODEL_BANDS, NUMBERS, strict=True):
        write_scene(numbers[None], f"item/{band}.tif", descriptions=None)
    return tmp_path / "item"


def assets_of(offset: float | None) -> dict:
    band = {"scale": 0.0001, **({} if offset is None else {"offset": offset})}
    return {
        f"asset{i}": {"href": f"./{name}.tif", "eo:bands": [{"name": name}], "raster:bands": [band]}
        for i, name in enumerate(MODEL_BANDS)
    }


def opened(scene: Path) -> tuple[np.ndarray, str, str, Job]:
    job = Job.silent()
    with open_scene(SceneOptions(scene=str(scene)), job) as found:
        return found.read(found.area)[0], found.date, found.level, job


@pytest.mark.parametrize("by_item", [True, False])
@pytest.mark.parametrize(
    ("offset", "properties", "effective"),
    [
        (-0.1, {"s2:processing_baseline": "05.09"}, -0.1),
        (None, {"s2:processing_baseline": "05.09"}, -0.1),
        (-0.1, {"s2:processing_baseline": "05.09", "earthsearch:boa_offset_applied": True}, 0.0),
        (-0.1, {"s2:processing_baseline": "05.09", "earthsearch:boa_offset_applied": False}, -0.1),
        (None, {"s2:processing_baseline": "03.01"}, 0.0),
    ],
)
def test_the_items_offset_is_applied_once(
    folder: Path, by_item: bool, offset: float | None, properties: dict, effective: float
) -> None:
    item = write_item(folder, assets_of(offset), **properties)
    reflectance, date, level, _ = opened(item if by_item else folder)
    np.testing.assert_allclose(reflectance, NUMBERS / 10_000 + effective, atol=1e-6)
    assert (date, level) == ("2023-06-15", "L2A")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_item_names_and_scales_the_bands_of_a_stacked_file(
    write_scene: Callable, tmp_path: Path, version: str
) -> None:
    scene = write_scene(NUMBERS[::-1], descriptions=None)
    names = MODEL_BANDS[::-1]
    if version == "1.0":
        asset = {"eo:bands": [{"name": n} for n in names], "raster:bands": [{"scale": 1e-4, "offset": -0.1}] * 10}
    else:
        asset = {"bands": [{"name": n, "raster:scale": 1e-4, "raster:offset": -0.1} for n in names]}
    item = write_item(tmp_path, {"data": {"href": "https://example.org/x/scene.tif", **asset}})
    for name in (scene, item):
        np.testing.assert_allclose(opened(name)[0], NUMBERS / 10_000 - 0.1, atol=1e-6)


def test_an_item_whose_images_are_elsewhere_says_so(tmp_path: Path) -> None:
    item = write_item(tmp_path, {"B02": {"href": "https://example.org/B02.tif"}})
    with pytest.raises(SceneNotFoundError) as refusal:
        opened(item)
    assert "Download" in refusal.value.hint


@pytest.mark.parametrize("text", ["{", "[1]", '{"labels": ["forest"]}', "\x00\x01"])
def test_other_json_beside_images_is_ignored(folder: Path, text: str) -> None:
    (folder / "labels.json").write_text(text)
    np.testing.assert_allclose(opened(folder)[0], NUMBERS / 10_000, atol=1e-6)

"""What every method of the list must do, without a line for any of them: a method added later is tested, too."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch

from solar_saliency_plugin.contract.attribution import AttributeRequest, MethodOptions
from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS, AttributionMethod
from solar_saliency_plugin.contract.errors import CancelledError
from solar_saliency_plugin.contract.options import options
from solar_saliency_plugin.contract.provenance import RUN_TAG
from solar_saliency_plugin.engine.attribution import explained
from solar_saliency_plugin.engine.attribution.attribute import attribute
from solar_saliency_plugin.engine.attribution.changes import share_computed
from solar_saliency_plugin.engine.attribution.methods import Method, method_of
from solar_saliency_plugin.engine.attribution.precision import in_double
from solar_saliency_plugin.engine.attribution.quality import absorbed
from solar_saliency_plugin.engine.attribution.view import Attribution, View
from solar_saliency_plugin.engine.imagery import windows
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.models.card import Card
from solar_saliency_plugin.engine.models.registry import Model
from solar_saliency_plugin.engine.models.unet import UNet
from solar_saliency_plugin.engine.training.publication import write_model

#: Fewer samples than usual, so that the suite is quick; what is tested does not hang on their number.
FEW = {"samples": 6, "evaluations": 60}

every_method = pytest.mark.parametrize("entry", ATTRIBUTION_METHODS.values(), ids=lambda entry: entry.name)


def of(*, windows: bool | None = None, sums_to: str | None = None, compares: bool | None = None) -> Any:
    """Parametrises a test over the methods of a kind."""
    chosen = [
        entry
        for entry in ATTRIBUTION_METHODS.values()
        if windows in (None, entry.windows)
        and sums_to in (None, entry.sums_to)
        and compares in (None, entry.baseline != "none")
    ]
    return pytest.mark.parametrize("entry", chosen, ids=lambda entry: entry.name)


def choices(parameter: str) -> tuple[str, ...]:
    """What a parameter of methods can be."""
    return next(option.choices for option in options(MethodOptions) if option.name == parameter)


def few(entry: AttributionMethod) -> dict[str, Any]:
    """Settings of a method that make it quick."""
    return {name: value for name, value in FEW.items() if name in entry.defaults}


def run(entry: AttributionMethod, view: View, **settings: Any) -> Attribution:
    method = method_of(entry.name, MethodOptions(**{**few(entry), **settings}), view.network)
    if method.gather is not None:
        rows, cols = view.shape
        view = replace(view, gathered=method.gather(view, method.settings, core=(slice(0, rows), slice(0, cols))))
    return method.run(view)


def without_data(view: View, hole: tuple[slice, slice]) -> View:
    """The view with a part that is not valid, as the orchestrator shows it: the model's mean there, and no target."""
    valid = view.valid.clone()
    valid[hole] = False
    mean = torch.tensor(view.network.model.card.mean, dtype=torch.float32)[:, None, None]
    image = torch.where(valid, view.reflectance, mean)
    baselines = torch.where(valid, view.baselines, image)
    return replace(view, valid=valid, reflectance=image, baselines=baselines, weights=view.weights * valid)


def baseline_of(kind: str, view: View) -> torch.Tensor:
    image = view.reflectance
    return {
        "zero": torch.zeros_like(image),
        "blur": torch.nn.functional.avg_pool2d(image, 7, stride=1, padding=3, count_include_pad=False),
        "another scene": image.flip(3) * 0.8 + 0.02,
    }[kind]


# ---- the list itself


@every_method
def test_every_method_says_what_it_can_and_cannot_tell(entry: AttributionMethod) -> None:
    for text in (entry.title, entry.paper, entry.formula, entry.cost_formula):
        assert text.strip()
    for text in (entry.tells, entry.cannot_tell, entry.known_to_fail):
        assert len(text.split()) >= 5, text
    assert entry.windows or entry.why_whole, "a method that takes one piece only says why"
    parameters = {option.name: option for option in options(MethodOptions)}
    for name, value in entry.defaults.items():
        option = parameters[name]
        assert value is None or not option.choices or value in option.choices
        assert value is None or option.choices or isinstance(value, str) or option.minimum <= value <= option.maximum


@every_method
def test_the_cost_told_beforehand_is_the_cost(entry: AttributionMethod, view_of: Any, shipped_model: Model) -> None:
    view = view_of(shipped_model, 40, 44)
    if entry.baseline == "several":
        view = replace(view, baselines=torch.cat([view.baselines * k for k in (0.5, 1, 1.5, 2, 2.5)]))
    method = method_of(entry.name, MethodOptions(**few(entry)), view.network)
    found = run(entry, view)
    told = method.cost(view)
    if entry.defaults.get("steps", 0) is None:  # refined until it is right: nobody knows beforehand
        assert found.evaluations <= 10 * told
    else:
        assert found.evaluations <= 1.25 * told + 2


@pytest.mark.parametrize("changed", [{}, {"features": "superpixels"}, {"features": "bands_of_superpixels"}], ids=str)
@pytest.mark.parametrize("which", ["shipped", "wide"])
@pytest.mark.parametrize(
    "entry", [entry for entry in ATTRIBUTION_METHODS.values() if entry.changes], ids=lambda entry: entry.name
)
def test_the_work_told_beforehand_is_never_less_than_the_work_and_not_much_more(
    entry: AttributionMethod, which: str, changed: dict[str, str], view_of: Any, shipped_model: Model, wide_model: Model
) -> None:
    if not changed.keys() <= entry.defaults.keys():
        return
    model = shipped_model if which == "shipped" else wide_model
    view = view_of(model, 90, 110, target=(slice(12, 78), slice(12, 98)))
    method = method_of(entry.name, MethodOptions(**changed), view.network)
    told = method.cost(view) * share_computed(view, entry.changes(method.settings, 10.0, 90 * 110))
    done = method.run(view).facts.get("passes", method.cost(view))
    assert done <= told <= 6 * done + 5


# ---- 1. closed forms, 3. completeness


@of(sums_to="difference")
def test_contributions_of_a_linear_model_are_weight_times_difference(
    entry: AttributionMethod, view_of: Any, linear_model: Model
) -> None:
    view = view_of(linear_model)
    found = run(entry, view).values.double()
    weights = torch.linspace(0.2, 2.0, 10).double()[:, None, None]
    expected = weights * (view.reflectance - view.baselines)[0].double() * view.weights.double()
    tolerance = 1e-5 * float(expected.abs().sum())
    assert abs(float(found.sum() - expected.sum())) <= tolerance
    if entry.bands and "superpixel" not in entry.defaults:
        assert torch.allclose(found, expected, atol=1e-5 * float(expected.abs().max()))
    if entry.drawn == "superpixels":
        # Additive games: a superpixel's Shapley value is what its own pixels contribute. Its pixels share one number.
        for share in found.unique():
            piece = found[0] == share
            own = float(expected.sum(0)[piece].sum())
            assert float(found[0][piece].sum()) == pytest.approx(own, abs=10 * tolerance)


@pytest.mark.parametrize("kind", ["zero", "blur", "another scene"])
@pytest.mark.parametrize("which", ["shipped", "wide"])
@of(sums_to="difference")
def test_contributions_add_up_to_the_difference_of_the_answers(
    entry: AttributionMethod, which: str, kind: str, view_of: Any, shipped_model: Model, wide_model: Model
) -> None:
    view = view_of(shipped_model if which == "shipped" else wide_model)
    view = replace(view, baselines=baseline_of(kind, view))
    found = run(entry, view, **({"samples": 400} if entry.name == "gradient_shap" else {}))
    difference = float(view.score(view.reflectance) - view.score(view.baselines))
    # DeepLIFT's rules are exact; by sampling the path, the sum is met up to chance.
    allowed = 1e-4 if entry.name == "deeplift" else 0.05 if "samples" in entry.defaults else 0.01
    scale = max(abs(difference), 0.01 * float(found.values.abs().sum()))
    assert abs(float(found.values.double().sum()) - difference) <= allowed * scale


@pytest.mark.parametrize("rule", choices("relevance"))
@pytest.mark.parametrize("holes", [False, True], ids=["all valid", "partly nodata"])
@of(sums_to="answer")
def test_relevance_is_conserved_by_every_rule_with_what_the_facts_say_was_kept(
    entry: AttributionMethod, rule: str, holes: bool, view_of: Any, shipped_model: Model, wide_model: Model
) -> None:
    for model in (shipped_model, wide_model):
        view = view_of(model)
        if holes:
            view = without_data(view, (slice(9, 14), slice(0, 14)))
        found = run(entry, view, relevance=rule)
        assert not found.values[:, ~view.valid].any()
        precise = in_double(view)
        answer = float((precise.network.module(view.reflectance.double())[0, 0] * view.weights).sum())
        assert float(found.values.sum()) + absorbed(found.facts) == pytest.approx(answer, rel=1e-6)


# ---- what the values are


@every_method
def test_values_have_the_shape_and_the_sign_that_the_list_says(
    entry: AttributionMethod, view_of: Any, wide_model: Model
) -> None:
    view = view_of(wide_model, 37, 29)
    found = run(entry, view)
    assert found.values.shape == (10 if entry.bands else 1, 37, 29)
    assert torch.isfinite(found.values).all() and found.values.abs().sum() > 0
    if not entry.signed:
        assert (found.values >= 0).all()


@of(compares=True)
def test_what_does_not_differ_from_the_baseline_gets_nothing(
    entry: AttributionMethod, view_of: Any, shipped_model: Model
) -> None:
    view = without_data(view_of(shipped_model), (slice(None), slice(0, 4)))
    assert float(run(entry, view).values[:, :, :4].abs().sum()) == pytest.approx(0, abs=1e-12)


@every_method
def test_invalid_pixels_get_nothing_and_what_is_stored_there_does_not_matter(
    entry: AttributionMethod, write_scene: Any, landscape: Any, wide_model: Model, tmp_path: Path
) -> None:
    reflectance = landscape(48, 52, seed=4)
    hole = np.zeros((48, 52), bool)
    hole[18:24, 8:26] = True
    enough = {"evaluations": 200} if "evaluations" in entry.defaults else {}
    maps = []
    for stored in (0.05, 0.7):
        reflectance[:, hole] = stored
        reflectance[3, hole] = np.nan  # one band says that there is no data; what the others hold is to be ignored
        scene = write_scene(tmp_path / "scene.tif", reflectance)
        result, found = _attribute(tmp_path / "map.tif", scene, wide_model, entry, baseline="blur", **enough)
        assert (np.isnan(found) == hole).all() and np.nansum(np.abs(found[0])) > 0
        size = float(np.nansum(np.abs(found[0]), dtype=np.float64))
        assert result.attribution_sum == pytest.approx(float(np.nansum(found[0], dtype=np.float64)), abs=1e-5 * size)
        maps.append(found)
    np.testing.assert_array_equal(maps[0], maps[1])


@every_method
def test_the_same_seed_gives_the_same_map(entry: AttributionMethod, view_of: Any, shipped_model: Model) -> None:
    first, second = (run(entry, view_of(shipped_model)).values for _ in range(2))
    assert torch.equal(first, second)


@every_method
def test_every_method_stops_within_a_second_of_cancelling(
    entry: AttributionMethod, view_of: Any, wide_model: Model
) -> None:
    event = threading.Event()
    job = Job(SilentListener(), event)
    many = {"samples": 10_000, "steps": 10_000, "evaluations": 1_000_000, "stride": 1}
    settings = {name: value for name, value in many.items() if name in entry.defaults}
    view = replace(view_of(wide_model, 200, 200), job=job)
    view.network.should_stop = lambda: job.is_cancelled
    method = method_of(entry.name, MethodOptions(**settings), view.network)
    if method.gather is not None:
        view = replace(view, gathered=method.gather(view, method.settings, core=(slice(0, 200), slice(0, 200))))
    cancelled: list[float] = []

    def cancel() -> None:
        cancelled.append(time.monotonic())
        event.set()

    timer = threading.Timer(0.3, cancel)
    timer.start()
    with suppress(CancelledError):
        method.run(view)
    ended = time.monotonic()
    timer.cancel()
    timer.join()
    # However it ended: one that is quicker than the cancelling has nothing to prove.
    assert not cancelled or ended - cancelled[0] < 1.0
    if {"samples", "steps"} & settings.keys():  # thousands of passes: it cannot have come to its end
        assert cancelled


# ---- 5. windows


def _attribute(path: Path, scene: Path, model: Model, entry: AttributionMethod, **options: Any) -> Any:
    request = AttributeRequest(
        scene=str(scene),
        output=str(path),
        model=str(model.folder),
        attribution_method=entry.name,
        per_band=entry.bands,
        device="cpu",
        threshold=0.5,
        **{**few(entry), **options},
    )
    result = attribute(request, Job.silent())
    with rasterio.open(path) as file:
        return result, file.read()


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Says whether the next run is to be cut into small windows."""

    def cut(small: bool) -> None:
        monkeypatch.setattr(explained, "WHOLE_PIXELS", 0 if small else 10**9)
        monkeypatch.setattr(explained, "CORE", 48)
        monkeypatch.setattr(explained, "HALOS_PER_CORE", 0)

    return cut


@of(windows=True)
def test_a_map_in_windows_equals_the_map_in_one_piece(
    entry: AttributionMethod,
    small_windows: Any,
    write_scene: Any,
    landscape: Any,
    wide_model: Model,
    tmp_path: Path,
) -> None:
    reflectance = landscape(131, 117, seed=4)
    reflectance[:, 60:70, 20:30] = np.nan
    scene = write_scene(tmp_path / "scene.tif", reflectance)
    asked = {"steps": 12, "patch": 300.0, "stride": 29, "evaluations": 10_000}
    steps = {name: value for name, value in asked.items() if name in entry.defaults}
    small_windows(False)
    one, expected = _attribute(tmp_path / "one.tif", scene, wide_model, entry, **steps)
    small_windows(True)
    many, found = _attribute(tmp_path / "many.tif", scene, wide_model, entry, **steps)
    assert one.windows == 1 and many.windows > 4
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    expected, found = np.nan_to_num(expected), np.nan_to_num(found)
    assert np.linalg.norm(expected) > 0
    assert np.linalg.norm(found - expected) <= 1e-6 * np.linalg.norm(expected)
    assert many.target_pixels == one.target_pixels
    for name in ("f_x", "f_baseline", "attribution_sum", "inside", "within_50_m", "within_200_m"):
        assert getattr(many, name) == pytest.approx(getattr(one, name), rel=1e-5, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("mistake", ["halo one pixel short", "off the stride by one"])
def test_the_comparison_of_windows_would_notice_a_mistake_of_one_pixel(
    mistake: str,
    small_windows: Any,
    monkeypatch: pytest.MonkeyPatch,
    write_scene: Any,
    landscape: Any,
    wide_model: Model,
    tmp_path: Path,
) -> None:
    scene = write_scene(tmp_path / "scene.tif", landscape(131, 117, seed=4))
    entry = ATTRIBUTION_METHODS["gradient"]
    small_windows(False)
    _, expected = _attribute(tmp_path / "one.tif", scene, wide_model, entry)
    small_windows(True)

    def wrong(area: Any, height: int, width: int, core: int, halo: int, stride: int) -> Any:
        if mistake == "halo one pixel short":
            # One receptive field is what the answers need, two the gradient.
            return windows.tiles(area, height, width, core, halo // 2 - 1, stride)
        return [
            replace(tile, read=replace(tile.read, row=tile.read.row + 1, height=tile.read.height - 1))
            if tile.read.row
            else tile
            for tile in windows.tiles(area, height, width, core, halo, stride)
        ]

    monkeypatch.setattr(explained, "tiles", wrong)
    _, found = _attribute(tmp_path / "wrong.tif", scene, wide_model, entry)
    assert np.linalg.norm(found - expected) > 1e-3 * np.linalg.norm(expected)


# ---- 6. places


@pytest.fixture(scope="session")
def neighbour_model(tmp_path_factory: pytest.TempPathFactory, shipped_model: Model) -> Path:
    """A model whose answer at a pixel is the near infrared of the pixel two rows below and one column to the left."""
    parameters: dict[str, Any] = {"stem": (1,), "width": 1, "depth": 0, "convolutions": 2}
    card = replace(shipped_model.card, mean=(0.0,) * 10, std=(1.0,) * 10)
    network = UNet(card.mean, card.std, **parameters).eval().requires_grad_(False)
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    for convolution in convolutions:
        convolution.weight.zero_()
    convolutions[0].weight[0, 6] = 1.0
    convolutions[1].weight[0, 0, 2, 0] = 1.0  # one below, one to the left
    convolutions[2].weight[0, 0, 2, 1] = 1.0  # one below
    convolutions[3].weight.fill_(8.0)
    convolutions[3].bias.fill_(-1.0)
    named: Card = replace(
        card, name="neighbour", architecture={"family": "unet", **parameters}, receptive_field=2, stride=1
    )
    folder = tmp_path_factory.mktemp("models") / "neighbour"
    write_model(folder, network, named)
    return folder


@pytest.mark.parametrize("crs", ["EPSG:32643", "EPSG:32743"])
@pytest.mark.parametrize("extent", [False, True])
@every_method
def test_attribution_lies_where_the_model_looked(
    entry: AttributionMethod,
    crs: str,
    extent: bool,
    write_scene: Any,
    landscape: Any,
    neighbour_model: Path,
    tmp_path: Path,
) -> None:
    left, top = 412_340.0, 6_543_210.0
    row, col = 23, 31
    reflectance = landscape(51, 63, seed=2) / 5
    # The brightest pixel: GradCAM draws where a channel is strong, wherever its gradient comes from.
    reflectance[6, row + 2, col - 1] = 0.8
    scene = write_scene(tmp_path / "scene.tif", reflectance, crs=crs, corner=(left, top))
    point = (left + 10 * col + 3.0, top - 10 * row - 8.0)
    asked: dict[str, Any] = {"extent": (left + 45, top - 455, left + 555, top - 35)} if extent else {}
    if "superpixel" in entry.defaults:
        asked["superpixel"] = 0.01  # a pixel each, as near as superpixels come to that
    if "patch" in entry.defaults:
        asked["patch"] = 10.0
    if "stride" in entry.defaults:
        asked["stride"] = 1
    if "layer" in entry.defaults:
        asked["layer"] = "stem.0.2"  # a later one's cells have looked around already
    request = AttributeRequest(
        scene=str(scene),
        output=str(tmp_path / "map.tif"),
        model=str(neighbour_model),
        attribution_method=entry.name,
        target=f"POINT ({point[0]} {point[1]})",
        pixels="all",
        baseline="zero",
        quantity="probability",  # its gradient is not the same everywhere, without which VarGrad sees nothing
        per_band=entry.bands,
        **few(entry),
        **asked,
    )
    attribute(request, Job.silent())
    with rasterio.open(tmp_path / "map.tif") as file:
        values = np.nan_to_num(file.read())
        assert file.crs.to_string() == crs
        strongest = np.unravel_index(np.abs(values[0]).argmax(), values[0].shape)
        x, y = file.xy(*strongest)
        told = json.loads(file.tags()[RUN_TAG])["result"]["target_wkt"]
    looked_at = (left + 10 * (col - 1) + 5, top - 10 * (row + 2) - 5)
    answered_at = (left + 10 * col + 5, top - 10 * row - 5)
    expected = answered_at if entry.drawn == "answers" else looked_at
    assert (x, y) == pytest.approx(expected, abs=0.01 if entry.drawn != "superpixels" else 15)
    if entry.bands and entry.drawn != "superpixels":
        assert np.abs(values[3:]).sum(axis=(1, 2)).argmax() == 6
    assert told.startswith("POLYGON")


def test_a_method_gives_no_number_that_is_none(view_of: Any, shipped_model: Model) -> None:
    from solar_saliency_plugin.contract.errors import ModelInvalidError

    view = view_of(shipped_model)
    broken = replace(view, baselines=torch.full_like(view.baselines, float("nan")))
    method: Method = method_of("integrated_gradients", MethodOptions(steps=5), view.network)
    with pytest.raises(ModelInvalidError, match="no numbers"):
        method.run(broken)

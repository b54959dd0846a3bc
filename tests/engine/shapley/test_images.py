"""The game of an image: linear models are divided exactly, parts change nothing, and little is asked."""

import re
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from solar_saliency_plugin.contract.errors import CancelledError
from solar_saliency_plugin.contract.messages import Progress
from solar_saliency_plugin.engine import job
from solar_saliency_plugin.engine.attribution.changes import seen_by_target
from solar_saliency_plugin.engine.attribution.precision import Precision
from solar_saliency_plugin.engine.attribution.superpixels import segments
from solar_saliency_plugin.engine.attribution.surrogates import kernel_shap
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.job import Job, SilentListener
from solar_saliency_plugin.engine.models.registry import Model
from solar_saliency_plugin.engine.shapley import images
from solar_saliency_plugin.engine.shapley.estimators import estimate, refining
from solar_saliency_plugin.engine.shapley.exact import shapley_of
from solar_saliency_plugin.engine.shapley.game import every_coalition
from solar_saliency_plugin.engine.shapley.images import MOST_PARTS, ImageGame
from solar_saliency_plugin.engine.shapley.players import Players, of_bands, of_regions, single_bands
from solar_saliency_plugin.engine.shapley.regions import Image, cut

WEIGHTS = np.linspace(0.2, 2.0, 10)


def _seen(view: View) -> np.ndarray:
    return (view.valid & seen_by_target(view)).numpy()


def _players(view: View, count: int) -> Players:
    seen = _seen(view)
    labels = cut(Image(view.reflectance[0].numpy(), seen, view.pixel_size), "slic", count)
    return of_regions(labels, seen, view.reflectance.shape[1])


def _losses(view: View) -> np.ndarray:
    """What each pixel of each band adds to the linear model's answer, (bands, H, W)."""
    difference = (view.reflectance - view.baselines.mean(dim=0, keepdim=True))[0].numpy()
    found: np.ndarray = WEIGHTS[:, None, None] * difference * view.weights.numpy()
    return found


def test_superpixels_of_a_linear_model_have_what_their_pixels_add(
    view_of: Callable[..., View], linear_model: Model
) -> None:
    view = view_of(linear_model, target=(slice(3, 21), slice(3, 25)))
    players = _players(view, 20)
    found = estimate(ImageGame(view, players), "auto", 200, seed=1)
    expected = [_losses(view)[:, held].sum() for held in players.held()]
    np.testing.assert_allclose(found.phi, expected, atol=1e-5)
    # A pixel that sees itself only is a game of one player: two questions settle all of them.
    assert found.is_exact and found.evaluations == 2


def test_bands_of_a_linear_model_have_what_they_add(view_of: Callable[..., View], linear_model: Model) -> None:
    view = view_of(linear_model)
    everywhere = np.ones(view.shape, bool)
    game = ImageGame(view, of_bands(everywhere, _seen(view), single_bands(range(10)), 10))
    found = estimate(game, "exact", 1024, seed=1)
    np.testing.assert_allclose(found.phi, _losses(view).sum(axis=(1, 2)), atol=1e-5)
    assert game.evaluations == 1024


def test_several_baselines_are_averaged(view_of: Callable[..., View], wide_model: Model) -> None:
    view = view_of(wide_model, 20, 20)
    two = torch.cat((torch.full_like(view.reflectance, 0.05), torch.full_like(view.reflectance, 0.3)))
    players, coalitions = _players(view, 5), every_coalition(5)
    both = ImageGame(replace(view, baselines=two), players)
    each = [ImageGame(replace(view, baselines=two[index : index + 1]), players) for index in (0, 1)]
    np.testing.assert_allclose(
        both.values(coalitions), np.mean([game.values(coalitions) for game in each], axis=0), atol=1e-5
    )
    assert both.evaluations == 32 and both.passes == 64


@pytest.mark.parametrize("model", ["shipped_model", "wide_model"])
def test_values_are_those_of_the_whole_window_with_pieces_replaced(
    view_of: Callable[..., View], model: str, request: pytest.FixtureRequest
) -> None:
    view = view_of(request.getfixturevalue(model), 40, 36)
    players = _players(view, 7)
    game, coalitions = ImageGame(view, players), every_coalition(7)
    present = torch.from_numpy(players.present(coalitions)[:, players.group_of])
    changed = torch.where(present, view.reflectance, view.baselines)
    expected = view.scores(lambda start, stop: changed[start:stop], len(changed), "").numpy()
    np.testing.assert_allclose(game.values(coalitions), expected, atol=2e-5)
    np.testing.assert_allclose(estimate(game, "exact", 200, 1).phi, shapley_of(expected), atol=2e-5)
    assert game.present == pytest.approx(float(view.score(view.reflectance)), abs=1e-5)
    assert game.absent == pytest.approx(float(view.score(view.baselines)), abs=1e-5)


def test_parts_know_who_can_matter(view_of: Callable[..., View], shipped_model: Model) -> None:
    view = view_of(shipped_model, 60, 60, target=(slice(10, 50), slice(10, 50)))
    players = _players(view, 40)
    game = ImageGame(view, players)
    assert game.scopes.sum(axis=1).max() < 40 and len(game.scopes) <= MOST_PARTS
    coalition = np.random.default_rng(0).random((1, 40)) < 0.5
    before = game.parts(coalition)[0]
    for player in range(40):
        changed = coalition.copy()
        changed[0, player] ^= True
        moved = np.abs(game.parts(changed)[0] - before) > 1e-6
        assert not (moved & ~game.scopes[:, player]).any()


def test_what_one_coalition_is_worth_does_not_depend_on_the_others(
    view_of: Callable[..., View], shipped_model: Model
) -> None:
    view = view_of(shipped_model)
    coalitions = every_coalition(6)
    together = ImageGame(view, _players(view, 6)).values(coalitions)
    alone = ImageGame(view, _players(view, 6))
    np.testing.assert_allclose([alone.values(one[None])[0] for one in coalitions], together, atol=2e-6)


def test_players_see_what_captum_sees(view_of: Callable[..., View], wide_model: Model) -> None:
    view = view_of(wide_model, 24, 24)
    labels = segments(view, 0.8, 60)
    count = int(labels.max()) + 1
    captum = kernel_shap(view, {"superpixel": 0.8, "evaluations": 2000, "precision": "float32"}).values[0].numpy()
    found = estimate(ImageGame(view, of_regions(labels, _seen(view), 10)), "auto", 4096, seed=1)
    expected = np.array([captum[labels == name].sum() for name in range(count)])
    np.testing.assert_allclose(found.phi, expected, atol=0.05 * np.ptp(found.phi))


def test_the_rest_is_a_player_or_stays_or_is_gone(view_of: Callable[..., View], wide_model: Model) -> None:
    view = view_of(wide_model, 24, 24)
    seen, labels = _seen(view), np.full((24, 24), -1)
    labels[8:12, 8:16], labels[12:16, 8:16] = 0, 1
    games = {rest: ImageGame(view, of_regions(labels, seen, 10, rest)) for rest in ("player", "present", "absent")}
    assert [game.players for game in games.values()] == [3, 2, 2]
    whole = games["player"].values(every_coalition(3)).reshape(2, 4)
    np.testing.assert_allclose(games["absent"].values(every_coalition(2)), whole[0], atol=1e-6)
    np.testing.assert_allclose(games["present"].values(every_coalition(2)), whole[1], atol=1e-6)


@pytest.mark.parametrize("rest", ["player", "present", "absent"])
def test_players_that_show_a_spectrum_are_as_absent_as_with_that_baseline_and_change_nothing_else(
    view_of: Callable[..., View], wide_model: Model, rest: str
) -> None:
    view = view_of(wide_model, 24, 24)
    labels = np.full((24, 24), -1)
    labels[8:12, 8:16], labels[12:16, 8:16] = 0, 1
    game = ImageGame(
        replace(view, baselines=torch.full_like(view.reflectance, 0.3)), of_regions(labels, _seen(view), 10, rest)
    )
    for who in every_coalition(game.players):
        absent = float(game.values(~who[None])[0])
        assert game.replaced(who, np.full(10, 0.3, np.float32)) == pytest.approx(absent, abs=1e-5)
    nobody = np.zeros(game.players, bool)
    assert game.replaced(nobody, np.full(10, 0.05, np.float32)) == pytest.approx(game.present, abs=1e-5)


def test_where_image_and_baseline_are_alike_nothing_is_asked(
    view_of: Callable[..., View], shipped_model: Model
) -> None:
    view = view_of(shipped_model)
    game = ImageGame(replace(view, baselines=view.reflectance.clone()), _players(view, 8))
    found = estimate(game, "auto", 200, seed=1)
    assert not found.phi.any() and game.contrast == 0 and game.evaluations <= 2


def test_16_bits_say_nearly_the_same_and_stop_when_the_job_is_cancelled(
    view_of: Callable[..., View], wide_model: Model
) -> None:
    view = view_of(wide_model, 40, 40)
    exact, rounded = (ImageGame(view, _players(view, 9), precision) for precision in ("float32", "bfloat16"))
    assert rounded.precision == Precision("bfloat16") and exact.precision == Precision("float32")
    found = [estimate(game, "exact", 512, seed=1).phi for game in (exact, rounded)]
    assert 0 < np.linalg.norm(found[1] - found[0]) <= 0.05 * np.linalg.norm(found[0])
    cancelled = threading.Event()
    cancelled.set()
    unasked = ImageGame(view, _players(view, 9), "bfloat16")
    unasked.work_for(Job(SilentListener(), cancelled))
    with pytest.raises(CancelledError):
        unasked.values(np.eye(9, dtype=bool))


def test_a_trial_of_16_bits_is_no_evaluation(view_of: Callable[..., View], wide_model: Model) -> None:
    view = view_of(wide_model, 40, 40)
    game = ImageGame(view, _players(view, 9), "auto")
    assert game.precision.ratio is not None and game.evaluations == 0 and game.passes == 0


def test_progress_grows_to_the_end_and_cancelling_ends_it(view_of: Callable[..., View], wide_model: Model) -> None:
    fractions: list[float] = []
    cancelled = threading.Event()

    class Listener(SilentListener):
        def progressed(self, progress: Progress) -> None:
            fractions.append(progress.fraction)

    view = view_of(wide_model, 24, 24, job=Job(Listener(), cancelled))
    rows = refining(ImageGame(view, _players(view, 12)), "auto", 150, seed=1)
    next(rows)
    assert max(fractions) < 0.5
    list(rows)
    assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1, abs=0.02)
    cancelled.set()
    with pytest.raises(CancelledError):
        estimate(ImageGame(view, _players(view, 12)), "auto", 100, seed=1)


def test_the_time_of_an_evaluation_is_known_beforehand(view_of: Callable[..., View], wide_model: Model) -> None:
    game = ImageGame(view_of(wide_model, 24, 24), _players(view_of(wide_model, 24, 24), 12))
    assert 0 < game.seconds_each < 1 and game.evaluations == 2
    assert 0 < game.measured() < 1 and game.evaluations == 2, "which every estimator asks for"


def test_until_there_are_values_it_is_told_how_long_they_will_take(
    view_of: Callable[..., View], wide_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    class Listener(SilentListener):
        def progressed(self, progress: Progress) -> None:
            told.append(progress.message)

    monkeypatch.setattr(images, "SOON", 1e-9)
    monkeypatch.setattr(job, "REPORT_INTERVAL", 0.0)
    view = view_of(wide_model, 24, 24, job=Job(Listener()))
    rows = refining(ImageGame(view, _players(view, 12)), "permutations", 150, seed=1)
    next(rows)
    assert re.fullmatch(r"Adding one after the other; first values in about \d+ s", told[0])
    told.clear()
    list(rows)
    assert told and set(told) == {"Adding one after the other"}


def test_the_time_that_is_left_comes_from_evaluations_and_is_never_less_than_that_of_the_first_values(
    view_of: Callable[..., View], wide_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Progress] = []

    class Listener(SilentListener):
        def progressed(self, progress: Progress) -> None:
            told.append(progress)

    seconds = iter(range(10**6))
    monkeypatch.setattr(images, "SOON", 1e-9)
    monkeypatch.setattr(job, "REPORT_INTERVAL", 0.0)
    view = view_of(wide_model, 24, 24)
    game = ImageGame(view, _players(view, 12))
    monkeypatch.setattr(View, "at_a_time", 8)
    whole = Job(Listener())
    game.work_for(whole.part(0.2, 0.6))  # what came before was quick, and says nothing of how long this will take
    monkeypatch.setattr(images.time, "perf_counter", lambda: float(next(seconds)))
    next(refining(game, "permutations", 600, seed=1))
    awaited = [re.search(r"first values in about (\d+) (s|minutes)", one.message) for one in told]
    assert len(told) > 1 and all(awaited[:-1])
    for one, found in zip(told, awaited, strict=True):
        first = float(found[1]) * (60 if found[2] == "minutes" else 1) if found else 0.0
        assert one.remaining is not None and one.remaining > first
    fractions = [one.fraction for one in told]
    assert fractions == sorted(fractions) and 0.2 < fractions[0] < fractions[-1] < 0.6
    game.work_for(whole.part(0.6, 1.0))
    game._view.job.progress(0.5, "half of it", 10.0)
    assert told[-1].remaining == pytest.approx(10.0), "nothing comes after it"


def test_the_time_of_an_evaluation_is_known_of_a_game_that_was_closed(
    view_of: Callable[..., View], wide_model: Model
) -> None:
    view = view_of(wide_model, 24, 24)
    closed, reopened = (ImageGame(view, _players(view, 12)) for _ in range(2))
    assert closed.seconds_each > 0
    reopened.learn(closed.known())
    assert 0 < reopened.seconds_each < 1 and reopened.evaluations == 0

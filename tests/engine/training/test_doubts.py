"""Outlines that look wrong are found, and outlines that are right are left alone: measured on real farms."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from solar_saliency_plugin.engine.training import backgrounds, doubts, farms, splits
from solar_saliency_plugin.engine.training.doubts import Likeness, Look

#: What the shared data's description says of its sites, found by looking at them.
WATER, GREEN, BRIGHT = (1913, 1933), 1, 102
BUILT = {2004: ("2022-07", "2022-08"), 2011: ("2022-09",)}
#: More panels lie beside its outline, so that it would fit better further north.
INCOMPLETE = 1285
WRONG = {*WATER, GREEN, BRIGHT, *BUILT, INCOMPLETE}

Looks = dict[int, list[Look]]


@pytest.fixture(scope="module")
def looks(shared_data: Path) -> Looks:
    """Every clear view of every site, with its outline as it is in the file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(farms, "WITHOUT_PANELS", frozenset())
        patch.setattr(farms, "BUILT", {})
        sites = sorted({BRIGHT, *(site for group in splits.groups() for site in group)})
        found: Looks = {}
        for view in farms.farm_views(shared_data, sites):
            if view.snow <= farms.SNOW_LIMIT:
                look = Look(view.date, view.reflectance, view.valid, view.coverage)
                found.setdefault(view.site, []).append(look)
    return found


@pytest.fixture(scope="module")
def places(looks: Looks) -> dict[int, int]:
    """The place of each site."""
    together = {site: min(group) for group in splits.NEIGHBOURS for site in group}
    return {site: together.get(site, site) for site in looks}


@pytest.fixture(scope="module")
def likeness(looks: Looks, places: dict[int, int]) -> dict[int, Likeness]:
    """Each site against those of other places."""
    return doubts.likeness(looks, places)


def test_where_no_panels_are_nothing_is_visible_and_everywhere_else_there_is(likeness: dict[int, Likeness]) -> None:
    unseen = {site for site, its in likeness.items() if not its.built() and not its.is_visible}
    assert unseen == {GREEN, *WATER}


def test_farms_built_during_the_year_are_found_with_their_month_and_no_others(likeness: dict[int, Likeness]) -> None:
    built = {site: its.built()[:7] for site, its in likeness.items() if its.built()}
    assert built.keys() == BUILT.keys()
    assert all(month in BUILT[site] for site, month in built.items())


def test_with_few_outlines_a_farm_built_during_the_year_is_never_dated_too_early_nor_taken_for_an_old_one(
    looks: Looks, places: dict[int, int]
) -> None:
    random = np.random.default_rng(4)
    right = [site for site in looks if site not in WRONG]
    for _ in range(4):
        few = [*random.choice(right, 4, replace=False).tolist(), 2011]
        its = doubts.likeness({site: looks[site] for site in few}, places)
        if its:  # neighbours may leave too few places
            assert its[2011].built()[:7] == "2022-09" or its[2011].may_be_newer
            assert not any(its[site].built() or its[site].may_be_newer for site in few[:-1])


def test_a_farm_that_comes_and_goes_is_not_dated() -> None:
    days = tuple(f"2022-{month:02d}-01" for month in range(1, 11))
    clear, unclear = [0.0] * 5 + [1.0] * 5, [0.0] * 5 + [1.0, 1.0, 0.2, 1.0, 0.9]
    restless = [0.0, 0.9, 0.0, 0.8, 0.0, 1.0, 0.7, 0.1, 0.9, 0.6]
    found = [Likeness(days, np.full(10, 0.75), np.array(contrast)) for contrast in (clear, unclear, restless)]
    assert [its.built() for its in found] == ["2022-06-01", "2022-06-01", ""]
    doubtful = Likeness(days, np.full(10, 0.75), np.array([0.0, 0.3, 0.0, 0.6, 0.0, 1.0, 0.7, 0.3, 0.9, 0.6]))
    assert doubtful.may_be_newer and not doubtful.built() and not found[0].may_be_newer


def test_water_and_bright_ground_are_known_without_any_other_outline(looks: Looks) -> None:
    assert {site for site, its in looks.items() if doubts.is_water(its)} == set(WATER)
    assert {site for site, its in looks.items() if doubts.is_bright_ground(its)} == {BRIGHT}


def test_outlines_that_fit_are_not_called_displaced(looks: Looks) -> None:
    assert {site for site, its in looks.items() if doubts.displacement(its)} == {INCOMPLETE}


@pytest.mark.parametrize(("dates", "false", "least"), [(1, 0.1, 0.65), (4, 0.05, 0.75), (100, 0.0, 0.85)])
def test_most_outlines_moved_by_two_or_three_pixels_are_found(
    looks: Looks, dates: int, false: float, least: float
) -> None:
    random = np.random.default_rng(5)
    right = {site: its for site, its in looks.items() if site not in WRONG}
    found: dict[int, list[bool]] = {0: [], 2: [], 3: []}
    for its in right.values():
        chosen = [its[i] for i in random.permutation(len(its))[:dates]]
        for pixels, results in found.items():
            angle = random.uniform(0, 2 * np.pi)
            moved = _moved(chosen, round(pixels * np.sin(angle)), round(pixels * np.cos(angle)))
            results.append(doubts.displacement(moved) is not None)
    assert np.mean(found[0]) <= false
    assert np.mean(found[2]) >= least and np.mean(found[3]) >= least


def test_a_moved_outline_is_said_to_fit_where_it_was(looks: Looks) -> None:
    down, right = doubts.displacement(_moved(looks[684], 2, -2)) or (0, 0)
    assert (down, right) == (-2, 2)


@pytest.mark.parametrize(("others", "foreign"), [(6, 2), (18, 6), (12, 12)])
def test_outlines_on_ground_without_farms_show_nothing(
    shared_data: Path, looks: Looks, others: int, foreign: int
) -> None:
    random = np.random.default_rng(3)
    right = [site for site in looks if site not in WRONG]
    sources = [s for part in backgrounds.PARTS for s in part if s.level == "L2A"]
    scenes = [source.load(shared_data) for source in sources]
    seen, unseen = [], []
    for _ in range(8):
        chosen = random.choice(right, others, replace=False).tolist()
        some = {site: [looks[site][i] for i in random.permutation(len(looks[site]))[:4]] for site in chosen}
        for number in range(foreign):
            ground = scenes[random.integers(len(scenes))]
            some[-number - 1] = [_on_ground(ground, looks[right[random.integers(len(right))]][0], random)]
        found = doubts.likeness(some, {site: site for site in some})
        seen += [its.is_visible for site, its in found.items() if site > 0]
        unseen += [not its.is_visible for site, its in found.items() if site < 0]
    assert np.mean(seen) >= 0.95 and np.mean(unseen) >= 0.85


def test_with_few_places_outlines_are_not_compared(looks: Looks) -> None:
    some = {site: looks[site] for site in (684, 539, 813, 739, 2008)}
    assert doubts.likeness(some, {684: 1, 539: 2, 813: 2, 739: 3, 2008: 4}) == {}


def test_too_little_to_look_at_says_nothing() -> None:
    tiny = Look("2022-06-01", np.full((10, 6, 6), 0.2, np.float32), np.ones((6, 6), bool), np.eye(6, dtype=np.float32))
    assert doubts.displacement([tiny]) is None and doubts.displacement([]) is None
    assert doubts.likeness({1: [tiny]}, {1: 1}) == {}
    assert not doubts.is_water([]) and not doubts.is_bright_ground([])


def _moved(its: Sequence[Look], down: int, right: int) -> list[Look]:
    return [look.moved(down, right) for look in its]


def _on_ground(ground: backgrounds.Background, like: Look, random: np.random.Generator) -> Look:
    """The outline of a look on a random place of ``ground``."""
    height, width = like.coverage.shape
    while True:
        row, col = (
            int(random.integers(0, max(1, a - b))) for a, b in zip(ground.valid.shape, (height, width), strict=True)
        )
        cut = np.s_[..., row : row + height, col : col + width]
        if ground.valid[cut].shape == (height, width) and ground.valid[cut].all():
            return Look("2022-06-01", ground.reflectance[cut], ground.valid[cut], like.coverage)

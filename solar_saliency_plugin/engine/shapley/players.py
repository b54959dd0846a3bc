"""Who plays: pieces of the image that are there, or are replaced by the baseline, together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...contract.errors import OutOfSightError
from ...contract.region_shap import RESTS
from .neighbours import touching

#: Cells that belong to no player: they stay as they are, or are the baseline's, in every coalition.
PRESENT, ABSENT = -1, -2

#: Bands that planners know by one name; what a model has beyond them is a group of its own each.
BAND_GROUPS = {
    "visible": ("B02", "B03", "B04"),
    "red edge": ("B05", "B06", "B07"),
    "near infrared": ("B08", "B8A"),
    "short-wave infrared": ("B11", "B12"),
}


@dataclass(frozen=True)
class Group:
    """Bands that are there, or not, together, by their numbers."""

    name: str
    bands: tuple[int, ...]


@dataclass(frozen=True)
class Players:
    """Which player each cell – a pixel in a group of bands – belongs to.

    labels: (groups, H, W), int32: the player's number, :data:`PRESENT` or :data:`ABSENT`. group_of: (bands,), which of
    the groups each band belongs to. names: of the players. places: (n,), the number of each one's superpixel, −1 where
    it has none (a band, the rest). groups: (n,), the number of its group of bands, −1 where it has all. rest: the
    number of the player who is all that lies outside the region; None: there is none.
    """

    labels: np.ndarray
    group_of: np.ndarray
    names: tuple[str, ...]
    places: np.ndarray
    groups: np.ndarray
    rest: int | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.names)

    def present(self, coalitions: np.ndarray) -> np.ndarray:
        """Which cells are there, (m, groups, H, W), bool, in coalitions (m, n)."""
        fixed = np.broadcast_to([False, True], (len(coalitions), 2))  # −2 is the last but one, −1 the last
        found: np.ndarray = np.concatenate((coalitions, fixed), axis=1)[:, self.labels]
        return found

    def held(self) -> np.ndarray:
        """Which pixels each one holds in any band, (n, H, W), bool."""
        return np.stack([(self.labels == player).any(axis=0) for player in range(self.count)])

    def touching(self) -> np.ndarray:
        """Who is next to whom, (n, n), bool: regions that share a pixel's edge; groups of bands of one place.

        A group of bands is next to the same group of the next region, and to all other groups of its own.
        """
        found = touching(self.labels, self.count)
        place = np.where(self.places >= 0, self.places, -1 - np.arange(self.count) * (self.groups < 0))
        found |= place[:, None] == place
        np.fill_diagonal(found, False)
        return found

    def drawn(self, values: np.ndarray) -> np.ndarray:
        """Values (n,) on the map, (groups, H, W), float64, each shared out evenly among its player's cells; else 0.

        A band counts as a cell of its own, so that the sum over all bands and pixels is the sum of the values.
        """
        bands = np.bincount(self.group_of, minlength=len(self.labels))
        cells = np.zeros(self.count)
        for labels, count in zip(self.labels, bands, strict=True):
            cells += count * np.bincount(labels[labels >= 0], minlength=self.count)
        shares = np.append(values / np.maximum(cells, 1), [0.0, 0.0])
        found: np.ndarray = shares[self.labels]
        return found


def band_groups(bands: Sequence[str]) -> tuple[Group, ...]:
    """Visible, red edge, near and short-wave infrared, as far as the model has them; every other band by itself."""
    found = []
    for name, members in BAND_GROUPS.items():
        numbers = tuple(index for index, band in enumerate(bands) if band in members)
        if numbers:
            found.append(Group(name, numbers))
    known = {band for members in BAND_GROUPS.values() for band in members}
    found += [Group(band, (index,)) for index, band in enumerate(bands) if band not in known]
    return tuple(sorted(found, key=lambda group: group.bands))


def single_bands(bands: Sequence[str]) -> tuple[Group, ...]:
    """Every band by itself."""
    return tuple(Group(band, (index,)) for index, band in enumerate(bands))


def of_regions(
    labels: np.ndarray,
    seen: np.ndarray,
    bands: int,
    rest: str = "player",
    groups: Sequence[Group] = (),
    called: Sequence[str] = (),
) -> Players:
    """Regions as players, each in all bands, or, with ``groups``, in each group of bands by itself.

    labels: (H, W), the region's number or −1 outside; numbers that no seen pixel has are left out. seen: (H, W), bool,
    the valid pixels that the target sees: others cannot matter and stay. rest: see :data:`RESTS`. called: the names of
    all regions, by their numbers; none: they are counted from 1.
    """
    inside = seen & (labels >= 0)
    numbers = np.unique(labels[inside])
    if not len(numbers):
        raise OutOfSightError(
            "The model's answer depends on nothing in the region.",
            "Draw it over the detection or right beside it.",
        )
    own = np.full(labels.shape, PRESENT, np.int32)
    own[inside] = np.searchsorted(numbers, labels[inside])
    parts = groups or (Group("", tuple(range(bands))),)
    layers = np.stack([np.where(own >= 0, own * len(parts) + index, PRESENT) for index in range(len(parts))])
    places = np.repeat(numbers, len(parts))
    of = np.tile(np.arange(len(parts)), len(numbers)) if groups else np.full(len(places), -1)
    suffix = [f", {group.name}" if groups else "" for group in parts]
    names = [f"{called[number] if called else number + 1}{end}" for number in numbers for end in suffix]
    return _with_rest(layers.astype(np.int32), seen & ~inside, rest, _group_of(parts, bands), names, places, of)


def of_bands(
    inside: np.ndarray, seen: np.ndarray, groups: Sequence[Group], bands: int, rest: str = "player"
) -> Players:
    """Groups of bands as players, each within ``inside`` (H, W), bool; the rest as in :func:`of_regions`."""
    if not (inside & seen).any():
        raise OutOfSightError(
            "The model's answer depends on nothing in the region.",
            "Draw it over the detection or right beside it.",
        )
    layers = np.stack([np.where(inside & seen, index, PRESENT) for index in range(len(groups))]).astype(np.int32)
    places, of = np.full(len(groups), -1), np.arange(len(groups))
    names = [group.name for group in groups]
    return _with_rest(layers, seen & ~inside, rest, _group_of(groups, bands), names, places, of)


def _with_rest(
    layers: np.ndarray,
    outside: np.ndarray,
    rest: str,
    group_of: np.ndarray,
    names: list[str],
    places: np.ndarray,
    groups: np.ndarray,
) -> Players:
    """The players, and what becomes of what the target sees outside of the region, (H, W), bool."""
    if rest not in RESTS:
        raise ValueError(rest)
    number = None
    if outside.any() and rest == "player":
        number = len(names)
        layers[:, outside] = number
        names, places, groups = [*names, "rest"], np.append(places, -1), np.append(groups, -1)
    elif rest == "absent":
        layers[:, outside] = ABSENT
    return Players(layers, group_of, tuple(names), places, groups, number)


def _group_of(groups: Sequence[Group], bands: int) -> np.ndarray:
    found = np.full(bands, -1)
    for index, group in enumerate(groups):
        found[list(group.bands)] = index
    if (found < 0).any():
        raise ValueError("every band belongs to a group")
    return found

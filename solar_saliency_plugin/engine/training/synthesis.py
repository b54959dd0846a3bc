"""Training patches: real farms where they stand, real farms set elsewhere, and ground without any.

A network that only sees chips with a farm in the middle learns to expect one. So two thirds of the patches are
backgrounds, and in a third of those a farm is set: the spectra and texture of a real farm on one of its dates, in the
outline of a real farm of another country, with the ground between its rows exchanged for the ground it is set on.
What is set in is not always a farm: a piece of another background in the same kind of outline, or a shadow,
teaches that an outline alone means nothing.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.features import rasterize
from rasterio.transform import Affine

from ...contract.errors import LabelsUnsuitableError
from ..imagery.bands import BANDS, MODEL_BANDS
from .backgrounds import Background
from .farms import SNOW_LIMIT, FarmView
from .reflectances import SPECTRA

OUTLINES = "india-pv-2021/solar_farms_india_2021_merged_simplified.geojson"

_SUBPIXELS = 4
_DEGREE = 111_320.0
_AT_20_M = np.array([BANDS[band].native_resolution == 20 for band in MODEL_BANDS])
#: Central wavelengths relative to that of the bluest band.
_WAVELENGTH = np.array([BANDS[band].wavelength_nm / BANDS["B02"].wavelength_nm for band in MODEL_BANDS])
_GREEN, _NIR, _SWIR = (MODEL_BANDS.index(band) for band in ("B03", "B08", "B11"))

#: What is easily taken for panels, or lies beside them, and is rare in the scenes at hand: painted from published
#: spectra.
MATERIALS = (
    *("bitumen roof", "slate roof", "worn asphalt", "fresh asphalt", "bright metal", "blue metal", "clay tile"),
    *("greenhouse film", "black mulch film", "burnt ground", "moist loam", "limestone quarry", "clear water"),
    *("turbid water", "snow"),
)


#: Standard deviation of the logarithms of the bands' factors that make a farm's spectrum something else's.
BENT = 0.4


#: Pixels wholly inside a farm that it must show to be set into other ground.
INNER_PIXELS = 12

#: So often a place is drawn, for an outline or for ground, before that is given up.
TRIES = 1000

#: An outline serves where it can be placed so often in so many draws, in a patch of this side, pixels: where it fits
#: into that, it fits into a larger one.
_SERVES, _DRAWS, _SIDE = 3, 60, 32


@dataclass(frozen=True)
class Patch:
    """reflectance (bands, side, side); target 0/1 and weight 0–1, both (side, side); all float32."""

    reflectance: np.ndarray
    target: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Radiometry:
    """How strongly a patch's radiometry is varied: standard deviations of logarithmic gains and of an offset.

    hazy: share of patches seen through haze; haze: its largest path radiance in the bluest band; noise: its largest
    standard deviation. Offset, haze and noise are reflectance.
    """

    gain: float
    band_gain: float
    offset: float
    hazy: float
    haze: float
    noise: float = 0.004


@dataclass(frozen=True)
class Recipe:
    """Shares of the kinds of patches, and how their radiometry is varied.

    patch: side of a patch, pixels, even. chips: share of patches that are real farms where they stand. farms_set: farms
    set elsewhere; the rest is ground. pieces_set: share of the ground into which something is set that is no farm;
    shadows, painted and near_misses: shares of those that are a shadow, one of :data:`MATERIALS`, or a farm whose bands
    were bent by :data:`BENT`; the rest is other ground.
    ground_exchanged: how much of the ground between the rows is exchanged at most. filled: share of the farms set
    elsewhere that fill their patch. tilt: standard deviation of the logarithm of a farm's brightness, by which panels
    of other tilt under another sun differ. snowy: how often a date with snow is drawn, against one without; panels
    under snow cannot be seen, and are not learned from where snow_ignored.

    Ground is varied more than farms: what surrounds the few farms' spectra on all sides is taught to be no farm.
    Some of the farms set elsewhere fill their patch: without those a network learns that a farm always has an edge
    near by, and finds the rims of large farms only. Farms are shown without haze and ground often with it, since a
    dark, even surface under haze is what many fields look like at level L1C. Haze over farms as well made a network see
    farms at that level, and took more from those at level L2A than it gave.
    """

    patch: int = 32
    chips: float = 0.7
    farms_set: float = 0.1
    pieces_set: float = 0.6
    shadows: float = 0.3
    painted: float = 0.2
    near_misses: float = 0.2
    ground_exchanged: float = 0.6
    filled: float = 0.2
    ground_exchanged_when_filled: float = 0.3
    tilt: float = 0.1
    snowy: float = 0.3
    snow_ignored: bool = True
    farms: Radiometry = Radiometry(gain=0.06, band_gain=0.025, offset=0.005, hazy=0.0, haze=0.0)
    ground: Radiometry = Radiometry(gain=0.1, band_gain=0.1, offset=0.008, hazy=0.6, haze=0.12)


@dataclass
class Synthesis:
    """Draws patches from views and backgrounds; the same generator state gives the same patches."""

    views: list[FarmView]
    backgrounds: Sequence[Background]
    outlines: list[dict[str, Any]]
    random: np.random.Generator
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        self._by_site: dict[int, list[FarmView]] = {}
        for view in self.views:
            self._by_site.setdefault(view.site, []).append(view)
        self._sites = sorted(self._by_site)
        self._shares = {site: self._date_shares(views) for site, views in self._by_site.items()}
        self._farms = {site: [view for view in views if can_be_set(view)] for site, views in self._by_site.items()}
        self._farm_sites = [site for site in self._sites if self._farms[site]]
        # Large scenes more often than small ones, but not in proportion: diversity counts, not area.
        areas = np.sqrt([b.valid.sum() for b in self.backgrounds])
        self._background_shares = areas / areas.sum()

    def _date_shares(self, views: Sequence[FarmView]) -> np.ndarray:
        """How often each date of a site is drawn; they add up to 1."""
        weights = np.array([self.recipe.snowy if view.snow > SNOW_LIMIT else 1.0 for view in views])
        return weights / weights.sum() if weights.any() else np.full(len(views), 1 / len(views))

    def patch(self) -> Patch:
        """One patch, of a kind drawn by the recipe's shares."""
        draw = self.random.random()
        if draw < self.recipe.chips:
            patch = self._chip()
        elif draw < self.recipe.chips + self.recipe.farms_set:
            patch = self._farm_set_elsewhere()
        else:
            patch = self._background()
        radiometry = self.recipe.farms if patch.target.any() else self.recipe.ground
        return self._turned(Patch(self._varied(patch.reflectance, radiometry), patch.target, patch.weight))

    def _chip(self) -> Patch:
        site = self._sites[self.random.integers(len(self._sites))]
        views = self._by_site[site]
        view = views[self.random.choice(len(views), p=self._shares[site])]
        reflectance, coverage, counted = view.reflectance, view.coverage, view.counted
        (rows, above), (cols, beside) = (self._fit(side) for side in coverage.shape)
        cut, margins = (..., rows, cols), (above, beside)
        target, weight = _labels(coverage[cut])
        if self.recipe.snow_ignored and view.snow:
            counted = counted & ~((coverage > 0) & under_snow(reflectance))
        return Patch(
            np.pad(reflectance[cut], ((0, 0), *margins), mode="symmetric"),
            np.pad(target, margins),
            np.pad(weight * counted[cut], margins),
        )

    def _fit(self, side: int) -> tuple[slice, tuple[int, int]]:
        """What to take of a chip's side, and the margins that then make it a patch's; the place is random."""
        room = self.recipe.patch - side
        before = int(self.random.integers(min(0, room), max(0, room) + 1))
        after = room - before
        return slice(max(-before, 0), side - max(-after, 0)), (max(before, 0), max(after, 0))

    def _background(self) -> Patch:
        reflectance, valid = self._ground()
        if self.random.random() < self.recipe.pieces_set:
            coverage = self._outline()
            reflectance = _blend(reflectance, self._piece(reflectance), coverage)
        return Patch(reflectance, np.zeros_like(valid, dtype=np.float32), valid.astype(np.float32))

    def _piece(self, ground: np.ndarray) -> np.ndarray:
        """Something that is no farm: a shadow on ``ground``, a material painted on it, or another background."""
        kind = self.random.random()
        if kind < self.recipe.shadows:
            return ground * self.random.uniform(0.3, 0.8)
        if kind < self.recipe.shadows + self.recipe.painted:
            return self._painted(ground)
        if kind < self.recipe.shadows + self.recipe.painted + self.recipe.near_misses:
            return self._near_miss()
        return self._ground()[0]

    def _near_miss(self) -> np.ndarray:
        """What looks like a farm in its texture, and is of nothing that farms are made of."""
        site = self._farm_sites[self.random.integers(len(self._farm_sites))]
        farm = self._texture(self._farms[site][self.random.integers(len(self._farms[site]))])
        return farm * np.exp(self.random.normal(0, BENT, len(farm)))[:, None, None]

    def _painted(self, ground: np.ndarray) -> np.ndarray:
        """A material in uneven brightness, through which some of ``ground`` shows."""
        spectrum = np.array(SPECTRA[MATERIALS[self.random.integers(len(MATERIALS))]], np.float32)[:, None, None]
        uneven = np.exp(self.random.normal(0, self.random.uniform(0, 0.15), ground.shape[1:]))
        share = self.random.uniform(0.6, 1)
        return share * spectrum * _seen_by_bands(uneven) + (1 - share) * ground

    def _farm_set_elsewhere(self) -> Patch:
        ground, valid = self._ground()
        filled = self.random.random() < self.recipe.filled
        coverage = np.ones(ground.shape[1:], np.float32) if filled else self._outline()
        target, weight = _labels(coverage)
        most = self.recipe.ground_exchanged_when_filled if filled else self.recipe.ground_exchanged
        farm = np.maximum(self._farm_on(ground, most), 0.003)
        return Patch(_blend(ground, farm, coverage), target, weight * valid)

    def _farm_on(self, ground: np.ndarray, most: float) -> np.ndarray:
        """The texture of a real farm with up to ``most`` of its own ground exchanged for ``ground``."""
        site = self._farm_sites[self.random.integers(len(self._farm_sites))]
        view = self._farms[site][self.random.integers(len(self._farms[site]))]
        farm = self._texture(view) * np.exp(self.random.normal(0, self.recipe.tilt))
        own = view.reflectance[:, (view.coverage == 0) & view.counted]
        exchanged = self.random.uniform(0, most)
        if own.shape[1] >= 8:
            farm = farm + exchanged * (ground - np.median(own, axis=1)[:, None, None])
        return farm

    def _texture(self, view: FarmView) -> np.ndarray:
        """(bands, side, side) of nothing but this farm."""
        height, width = view.valid.shape
        side = self.recipe.patch
        top, left = 2 * self.random.integers((height // 2, width // 2))  # even: 20 m pixels stay together
        return _spread(view, _mirrored(height, side)[top : top + side], _mirrored(width, side)[left : left + side])

    def _ground(self) -> tuple[np.ndarray, np.ndarray]:
        """Reflectance and validity of a random patch of a background."""
        for _ in range(TRIES):
            background = self.backgrounds[self.random.choice(len(self.backgrounds), p=self._background_shares)]
            (rows, above), (cols, beside) = (self._fit(side) for side in background.valid.shape)
            margins = (above, beside)
            valid = np.pad(background.valid[rows, cols], margins)
            seen = background.valid[rows, cols].mean()
            if seen > 0.8:
                return np.pad(background.reflectance[:, rows, cols], ((0, 0), *margins), mode="symmetric"), valid
        raise LabelsUnsuitableError(
            "Hardly any ground away from the solar farms is seen clearly.", "Give clearer scenes, or backgrounds."
        )

    def _outline(self) -> np.ndarray:
        """Coverage (side, side) by a real farm's outline at a random scale and place."""
        for _ in range(TRIES):
            geometry = self.outlines[self.random.integers(len(self.outlines))]
            coverage = _placed(geometry, self.recipe.patch, self.random)
            if coverage is not None:
                return coverage
        raise LabelsUnsuitableError(
            "The outlines are too small, or too narrow, to be set into other ground.",
            "Draw a solar farm's outline around all of its panels, not around single rows.",
        )

    def _varied(self, reflectance: np.ndarray, by: Radiometry) -> np.ndarray:
        bands = len(MODEL_BANDS)
        gain = np.exp(self.random.normal(0, by.gain) + self.random.normal(0, by.band_gain, bands))
        shift = self.random.normal(0, by.offset) + self.random.normal(0, by.offset / 2, bands)
        if self.random.random() < by.hazy:
            # Scattering falls with the wavelength's power 4 (air: level L1C) to 1 (dust and smoke).
            path = self.random.uniform(0, by.haze) * _WAVELENGTH ** -self.random.uniform(1, 4)
            gain, shift = gain * (1 - 1.5 * path), shift + path
        noise = self.random.normal(0, self.random.uniform(0, by.noise), reflectance.shape)
        noise[_AT_20_M] = noise[_AT_20_M, ::2, ::2].repeat(2, 1).repeat(2, 2)
        return (reflectance * gain[:, None, None] + shift[:, None, None] + noise).astype(np.float32)

    def _turned(self, patch: Patch) -> Patch:
        turns, mirrored = int(self.random.integers(4)), self.random.random() < 0.5

        def turn(array: np.ndarray) -> np.ndarray:
            turned = np.rot90(array, turns, axes=(-2, -1))
            return np.ascontiguousarray(turned[..., ::-1] if mirrored else turned, dtype=np.float32)

        return Patch(turn(patch.reflectance), turn(patch.target), turn(patch.weight))


def can_be_set(view: FarmView) -> bool:
    """Whether the view shows enough of a farm, free of snow, to set that elsewhere."""
    inner = view.coverage == 1
    return bool(inner.sum() >= INNER_PIXELS and (inner & view.valid).any() and view.snow <= SNOW_LIMIT)


def placeable(
    outlines: Sequence[dict[str, Any]], seed: int, check: Callable[[], None] = lambda: None
) -> list[dict[str, Any]]:
    """The outlines (GeoJSON in degrees) that :class:`Synthesis` can place in a patch; ``check`` may raise to stop."""
    random = np.random.default_rng(seed)
    found = []
    for geometry in outlines:
        check()
        placed = 0
        for _ in range(_DRAWS):
            placed += _placed(geometry, _SIDE, random) is not None
            if placed == _SERVES:
                found.append(geometry)
                break
    return found


def _placed(geometry: dict[str, Any], side: int, generator: np.random.Generator) -> np.ndarray | None:
    """Coverage (side, side) by an outline at a random scale and place; None where it covers too little, or too much."""
    polygon = geometry["coordinates"] if geometry["type"] == "Polygon" else geometry["coordinates"][0]
    longitude, latitude = np.asarray(polygon[0])[generator.integers(len(polygon[0]))][:2]
    metres = 10 / _SUBPIXELS / generator.uniform(0.3, 1.2)
    x, y = metres / _DEGREE / np.cos(np.radians(latitude)), metres / _DEGREE
    # A vertex of the outline lies somewhere in the patch, so its edge is always seen.
    row, col = generator.uniform(0, side * _SUBPIXELS, 2)
    transform = Affine(x, 0, longitude - col * x, 0, -y, latitude + row * y)
    fine = rasterize([geometry], out_shape=(side * _SUBPIXELS,) * 2, transform=transform)
    coverage = fine.reshape(side, _SUBPIXELS, side, _SUBPIXELS).mean(axis=(1, 3), dtype=np.float32)
    return coverage if 8 <= coverage.sum() <= 0.8 * side**2 else None


def under_snow(reflectance: np.ndarray) -> np.ndarray:
    """Pixels (H, W) that are snow: normalised-difference snow index above 0.4 and bright (Hall et al. 1995)."""
    green, swir = reflectance[_GREEN], reflectance[_SWIR]
    return np.asarray((green - swir > 0.4 * (green + swir)) & (reflectance[_NIR] > 0.11))


def endless_farm(view: FarmView, side: int) -> np.ndarray:
    """(bands, H + side, W + side) of nothing but this farm: its inner pixels, spread and mirrored."""
    height, width = view.valid.shape
    return _spread(view, _mirrored(height, side), _mirrored(width, side))


def _mirrored(length: int, more: int) -> np.ndarray:
    """Places 0 … length - 1, and ``more`` of them mirrored behind."""
    return np.pad(np.arange(length), (0, more), mode="symmetric")


def _spread(view: FarmView, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """(bands, rows, cols): at each of these places of the view, the nearest pixel that is all farm."""
    inner = np.argwhere((view.coverage == 1) & view.valid).T
    (own_rows, row_of), (own_cols, col_of) = (np.unique(places, return_inverse=True) for places in (rows, cols))
    # Row by row: all places at once against all inner pixels of a large farm would take gigabytes.
    beside = (own_cols[:, None] - inner[1]) ** 2
    nearest = np.stack([((row - inner[0]) ** 2 + beside).argmin(axis=1) for row in own_rows])[row_of][:, col_of]
    return view.reflectance[:, inner[0][nearest], inner[1][nearest]]


def outlines(data: Path) -> list[dict[str, Any]]:
    """Outlines of real farms, GeoJSON geometries in degrees."""
    features = json.loads((data / OUTLINES).read_text(encoding="utf-8"))["features"]
    return [feature["geometry"] for feature in features]


def _labels(coverage: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Target 0/1 and weight: a pixel counts the less, the nearer it is to half covered."""
    return (coverage >= 0.5).astype(np.float32), np.abs(2 * coverage - 1)


def _blend(ground: np.ndarray, piece: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """``piece`` where it covers, mixed at its edge; bands that have 20 m pixels are mixed in 20 m pixels."""
    share = _seen_by_bands(coverage)
    return share * piece + (1 - share) * ground


def _seen_by_bands(fine: np.ndarray) -> np.ndarray:
    """(bands, H, W) of something (H, W), both even, at 10 m: means of 2 × 2 where a band has 20 m pixels."""
    height, width = fine.shape
    coarse = fine.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)).repeat(2, 0).repeat(2, 1)
    return np.where(_AT_20_M[:, None, None], coarse, fine)

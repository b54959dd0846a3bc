"""Training patches: real farms where they stand, real farms set elsewhere, and ground without any.

A network that only sees chips with a farm in the middle learns to expect one. So two thirds of the patches are
backgrounds, and in a third of those a farm is set: the spectra and texture of a real farm on one of its dates, in the
outline of a real farm of another country, with the ground between its rows exchanged for the ground it is set on.
What is set in is not always a farm: a piece of another background in the same kind of outline, or a shadow,
teaches that an outline alone means nothing.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.features import rasterize
from rasterio.transform import Affine

from ..imagery.bands import BANDS, MODEL_BANDS
from .backgrounds import Background
from .farms import SNOW_LIMIT, FarmView

#: Side of a patch, pixels.
PATCH = 32

OUTLINES = "india-pv-2021/solar_farms_india_2021_merged_simplified.geojson"

_SUBPIXELS = 4
_DEGREE = 111_320.0
_AT_20_M = np.array([BANDS[band].native_resolution == 20 for band in MODEL_BANDS])
#: Central wavelengths relative to that of the bluest band.
_WAVELENGTH = np.array([BANDS[band].wavelength_nm / BANDS["B02"].wavelength_nm for band in MODEL_BANDS])


@dataclass(frozen=True)
class Patch:
    """reflectance (bands, PATCH, PATCH); target 0/1 and weight 0–1, both (PATCH, PATCH); all float32."""

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

    Ground is varied more than farms: what surrounds the few farms' spectra on all sides is taught to be no farm.
    Some of the farms set elsewhere fill their patch: without those a network learns that a farm always has an edge
    near by, and finds the rims of large farms only. Farms are shown without haze and ground often with it, since a
    dark, even surface under haze is what many fields look like at level L1C.
    """

    chips: float = 0.35
    farms_set: float = 0.2
    pieces_set: float = 0.6
    shadows: float = 0.3
    ground_exchanged: float = 0.6
    filled: float = 0.2
    ground_exchanged_when_filled: float = 0.3
    farms: Radiometry = Radiometry(gain=0.06, band_gain=0.025, offset=0.005, hazy=0.0, haze=0.0)
    ground: Radiometry = Radiometry(gain=0.1, band_gain=0.1, offset=0.008, hazy=0.6, haze=0.12)


@dataclass
class Synthesis:
    """Draws patches from views and backgrounds; the same generator state gives the same patches."""

    views: list[FarmView]
    backgrounds: list[Background]
    outlines: list[dict[str, Any]]
    random: np.random.Generator
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        self._by_site: dict[int, list[FarmView]] = {}
        for view in self.views:
            self._by_site.setdefault(view.site, []).append(view)
        self._sites = sorted(self._by_site)
        self._farms = {
            site: [v for v in views if (v.coverage == 1).sum() >= 12 and v.snow <= SNOW_LIMIT]
            for site, views in self._by_site.items()
        }
        self._farm_sites = [site for site in self._sites if self._farms[site]]
        # Large scenes more often than small ones, but not in proportion: diversity counts, not area.
        areas = np.sqrt([b.valid.sum() for b in self.backgrounds])
        self._background_shares = areas / areas.sum()

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
        view = self._by_site[site][self.random.integers(len(self._by_site[site]))]
        reflectance, coverage, valid = view.reflectance, view.coverage, view.valid
        (rows, above), (cols, beside) = (self._fit(side) for side in coverage.shape)
        cut, margins = (..., rows, cols), (above, beside)
        target, weight = _labels(coverage[cut])
        return Patch(
            np.pad(reflectance[cut], ((0, 0), *margins), mode="symmetric"),
            np.pad(target, margins),
            np.pad(weight * valid[cut], margins),
        )

    def _fit(self, side: int) -> tuple[slice, tuple[int, int]]:
        """What to take of a chip's side, and the margins that then make it PATCH long; the place is random."""
        before = int(self.random.integers(min(0, PATCH - side), max(0, PATCH - side) + 1))
        after = PATCH - side - before
        return slice(max(-before, 0), side - max(-after, 0)), (max(before, 0), max(after, 0))

    def _background(self) -> Patch:
        reflectance, valid = self._ground()
        if self.random.random() < self.recipe.pieces_set:
            coverage = self._outline()
            reflectance = _blend(reflectance, self._piece(reflectance), coverage)
        return Patch(reflectance, np.zeros_like(valid, dtype=np.float32), valid.astype(np.float32))

    def _piece(self, ground: np.ndarray) -> np.ndarray:
        """Something that is no farm: a shadow on ``ground``, or another background."""
        if self.random.random() < self.recipe.shadows:
            return ground * self.random.uniform(0.3, 0.8)
        return self._ground()[0]

    def _farm_set_elsewhere(self) -> Patch:
        ground, valid = self._ground()
        filled = self.random.random() < self.recipe.filled
        coverage = np.ones((PATCH, PATCH), np.float32) if filled else self._outline()
        target, weight = _labels(coverage)
        most = self.recipe.ground_exchanged_when_filled if filled else self.recipe.ground_exchanged
        farm = np.maximum(self._farm_on(ground, most), 0.003)
        return Patch(_blend(ground, farm, coverage), target, weight * valid)

    def _farm_on(self, ground: np.ndarray, most: float) -> np.ndarray:
        """The texture of a real farm with up to ``most`` of its own ground exchanged for ``ground``."""
        site = self._farm_sites[self.random.integers(len(self._farm_sites))]
        view = self._farms[site][self.random.integers(len(self._farms[site]))]
        farm = self._texture(view)
        own = view.reflectance[:, (view.coverage == 0) & view.valid]
        exchanged = self.random.uniform(0, most)
        if own.shape[1] >= 8:
            farm = farm + exchanged * (ground - np.median(own, axis=1)[:, None, None])
        return farm

    def _texture(self, view: FarmView) -> np.ndarray:
        """(bands, PATCH, PATCH) of nothing but this farm."""
        height, width = view.valid.shape
        filled = endless_farm(view)
        top, left = 2 * self.random.integers((height // 2, width // 2))  # even: 20 m pixels stay together
        return filled[:, top : top + PATCH, left : left + PATCH]

    def _ground(self) -> tuple[np.ndarray, np.ndarray]:
        """Reflectance and validity of a random patch of a background."""
        while True:
            background = self.backgrounds[self.random.choice(len(self.backgrounds), p=self._background_shares)]
            height, width = background.valid.shape
            top, left = self.random.integers(height - PATCH + 1), self.random.integers(width - PATCH + 1)
            cut = np.s_[..., top : top + PATCH, left : left + PATCH]
            if background.valid[cut].mean() > 0.8:
                return background.reflectance[cut], background.valid[cut]

    def _outline(self) -> np.ndarray:
        """Coverage (PATCH, PATCH) by a real farm's outline at a random scale and place."""
        while True:
            geometry = self.outlines[self.random.integers(len(self.outlines))]
            polygon = geometry["coordinates"] if geometry["type"] == "Polygon" else geometry["coordinates"][0]
            longitude, latitude = np.asarray(polygon[0])[self.random.integers(len(polygon[0]))][:2]
            metres = 10 / _SUBPIXELS / self.random.uniform(0.3, 1.2)
            x, y = metres / _DEGREE / np.cos(np.radians(latitude)), metres / _DEGREE
            # A vertex of the outline lies somewhere in the patch, so its edge is always seen.
            row, col = self.random.uniform(0, PATCH * _SUBPIXELS, 2)
            transform = Affine(x, 0, longitude - col * x, 0, -y, latitude + row * y)
            fine = rasterize([geometry], out_shape=(PATCH * _SUBPIXELS,) * 2, transform=transform)
            coverage = fine.reshape(PATCH, _SUBPIXELS, PATCH, _SUBPIXELS).mean(axis=(1, 3), dtype=np.float32)
            if 8 <= coverage.sum() <= 0.8 * PATCH**2:
                return coverage

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


def endless_farm(view: FarmView) -> np.ndarray:
    """(bands, H + PATCH, W + PATCH) of nothing but this farm: its inner pixels, spread and mirrored."""
    inner = np.argwhere((view.coverage == 1) & view.valid)
    everywhere = np.argwhere(np.ones_like(view.valid))
    nearest = ((everywhere[:, None] - inner[None]) ** 2).sum(axis=2).argmin(axis=1)
    rows, cols = inner[nearest].T
    spread = view.reflectance[:, rows, cols].reshape(view.reflectance.shape)
    return np.pad(spread, ((0, 0), (0, PATCH), (0, PATCH)), mode="symmetric")


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
    """(bands, PATCH, PATCH) of something (PATCH, PATCH) at 10 m: means of 2 × 2 where a band has 20 m pixels."""
    coarse = fine.reshape(PATCH // 2, 2, PATCH // 2, 2).mean(axis=(1, 3)).repeat(2, 0).repeat(2, 1)
    return np.where(_AT_20_M[:, None, None], coarse, fine)

"""From top-of-atmosphere (L1C) to approximate surface reflectance (L2A), from first principles.

Nothing is taken from the scene's pixels: what a pixel becomes depends on its own value and the sun's height alone, so
that a window and the whole scene agree. The model of the air is the usual one (Vermote et al. 1997, 6S):

    ρ_top = T_gas · (ρ_path + T↓ · T↑ · ρ / (1 − S · ρ))

with ρ what the surface reflects, ρ_path what air and haze throw back by themselves, T↓ and T↑ what they let through on
the way down and up, S what they throw back to the ground, and T_gas what ozone, water vapour, carbon dioxide and
methane leave. It is solved for ρ. The view is taken as vertical, the ground at sea level, and haze, ozone and water
vapour as what is usual (:data:`HAZE`, :data:`OZONE`, :data:`WATER`): an L2A product, whose makers know them, is better.

* Optical depth of air: Bodhaine et al. 1999, *On Rayleigh optical depth calculations*, equation 30.
* Path reflectance, transmittance and spherical albedo of air: Vermote and Tanré 1992, *Analytical expressions for
  radiative properties of planar Rayleigh scattering media, including polarization contributions*.
* Absorption by gases, and the haze's spectrum, Sentinel-2 band by band: Rahman and Dedieu 1994, *SMAC: a simplified
  method for the atmospheric correction of satellite measurements in the solar spectrum*, with CESBIO's coefficients for
  Sentinel-2A and continental aerosol.
* Path reflectance of haze: light that is scattered once, with the phase function of Henyey and Greenstein 1941.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expn

from .bands import BANDS
from .grid import Grid

#: Optical depth of haze at 550 nm: between clean country air (0.1) and the mean over land (0.19, Remer et al. 2008).
HAZE = 0.15
#: Ozone in cm at standard pressure (300 Dobson units), water vapour in g/cm².
OZONE, WATER = 0.3, 1.5

#: Sentinel-2 passes at this local mean solar time, hours (its equator crossing, ESA mission guide).
_PASS = 10.5
#: The equations are for a flat earth: the sun is not taken to stand lower than this, degrees from the zenith.
_LOWEST_SUN = 80.0
#: Beyond this, a little more or less haze than usual matters much.
LOW_SUN = 70.0
#: Where nothing tells of the sun.
_USUAL_SUN = 45.0

#: Depolarisation of light by air, and the haze's asymmetry of scattering.
_DEPOLARISATION, _ASYMMETRY = 0.0279, 0.64
#: The polynomial of Vermote and Tanré 1992 for light that air scatters more than once: terms without and with ln τ.
_TWICE = (0.33243832, 0.16285370, -0.30924818, -0.10324388, 0.11493334)
_TWICE_LOG = (-0.06777104, 0.001577425, -0.01240906, 0.03241678, -0.03503695)


class _Band(NamedTuple):
    """What the air holds in a band.

    Gases leave exp(−a·(u·m)ⁿ) with u their amount and m the air mass: ``water`` and ``mixed`` are a and n, the latter
    of oxygen, carbon dioxide and methane together; ``ozone`` is a, n being 1. ``haze``: its optical depth, as a
    multiple of that at 550 nm; ``kept``: share of it that is scattered and not absorbed.
    """

    water: tuple[float, float] = (0.0, 1.0)
    ozone: float = 0.0
    mixed: tuple[float, float] = (0.0, 1.0)
    haze: float = 0.0
    kept: float = 1.0


#: B10 sees no ground, and is left as it is.
_AIR = {
    "B01": _Band(ozone=0.0027, haze=1.260, kept=0.900),
    "B02": _Band(ozone=0.0273, haze=1.124, kept=0.899),
    "B03": _Band((0.00076, 0.902), 0.0987, haze=0.980, kept=0.891),
    "B04": _Band((0.00346, 0.769), 0.0500, haze=0.801, kept=0.884),
    "B05": _Band((0.01371, 0.768), 0.0204, haze=0.746, kept=0.878),
    "B06": _Band((0.01297, 0.789), 0.0109, haze=0.700, kept=0.869),
    "B07": _Band((0.00400, 0.756), mixed=(0.0001, 0.96), haze=0.651, kept=0.859),
    "B08": _Band((0.02816, 0.586), haze=0.603, kept=0.849),
    "B8A": _Band((0.00039, 0.911), haze=0.573, kept=0.841),
    "B09": _Band((0.68092, 0.475), haze=0.513, kept=0.827),
    "B11": _Band((0.00063, 0.950), mixed=(0.0201, 0.76), haze=0.260, kept=0.753),
    "B12": _Band((0.01756, 0.659), mixed=(0.0226, 0.82), haze=0.157, kept=0.762),
}


@dataclass(frozen=True)
class Sun:
    """Where the sun stood: degrees from the zenith, and how that is known."""

    zenith: float
    source: str


@dataclass(frozen=True)
class Correction:
    """The model of the air for a scene's bands, solved for the surface: an array each, one value a band."""

    sun: Sun
    path: np.ndarray
    transmittance: np.ndarray
    albedo: np.ndarray
    gases: np.ndarray

    def apply(self, reflectance: np.ndarray) -> np.ndarray:
        """Turn top-of-atmosphere reflectance (bands, …) into that of the surface, in place.

        y = (ρ_top / T_gas − ρ_path) / (T↓ · T↑), ρ = y / (1 + S · y).
        """
        shape = (-1,) + (1,) * (reflectance.ndim - 1)
        through = self.gases * self.transmittance
        reflectance *= (1 / through).astype(np.float32).reshape(shape)
        reflectance -= (self.path / self.transmittance).astype(np.float32).reshape(shape)
        reflectance /= 1 + self.albedo.astype(np.float32).reshape(shape) * reflectance
        return reflectance

    @property
    def summary(self) -> str:
        """What was done, in words that stay on the result."""
        return (
            "an approximate correction of the atmosphere (air, gases, usual haze; sun "
            f"{90 - self.sun.zenith:.0f}° above the horizon, {self.sun.source})"
        )


def correction(bands: Sequence[str], sun: Sun, haze: float = HAZE) -> Correction:
    """The correction of these bands under this sun; ``haze`` is its optical depth at 550 nm."""
    air = [_AIR.get(name, _Band()) for name in bands]
    mu = math.cos(math.radians(min(sun.zenith, _LOWEST_SUN)))
    clean = np.where([name in _AIR for name in bands], rayleigh_depth([BANDS[name].wavelength_nm for name in bands]), 0)
    hazy = haze * np.array([band.haze for band in air])
    kept = np.array([band.kept for band in air])
    return Correction(
        sun,
        path=_path_of_air(clean, mu) + _path_of_haze(hazy, kept, mu),
        transmittance=_through(clean, hazy, kept, mu) * _through(clean, hazy, kept, 1.0),
        albedo=_albedo_of_air(clean) + 2 * _backward() * kept * hazy,
        gases=np.array([_gas_transmittance(band, 1 + 1 / mu) for band in air]),
    )


def sun_over(grid: Grid, date: str, zenith: float | None) -> Sun:
    """The sun over a scene: as its metadata say (``zenith``), else by its date and place, else as at an equinox."""
    if zenith is not None and 0 <= zenith <= 90:
        return Sun(zenith, "as the metadata say")
    latitude = grid.center_longitude_latitude()[1] if grid.crs else math.inf
    if not math.isfinite(latitude):
        return Sun(_USUAL_SUN, "assumed")
    if date:
        return Sun(sun_zenith(date, latitude), "by date and place")
    return Sun(sun_zenith("2021-03-21", latitude), "assumed as at an equinox, since the option “date” is empty")


def sun_zenith(date: str, latitude: float) -> float:
    """Degrees between sun and zenith when Sentinel-2 passes a ``latitude`` on a ``date`` (YYYY-MM-DD).

    cos ζ = sin φ sin δ + cos φ cos δ cos h, with the declination δ of Cooper 1969, and the hour angle h from the mean
    solar time by the equation of time (Duffie and Beckman, *Solar engineering of thermal processes*).
    """
    day = datetime.date.fromisoformat(date).timetuple().tm_yday
    declination = math.radians(23.45) * math.sin(2 * math.pi * (284 + day) / 365)
    year = 2 * math.pi * (day - 81) / 364
    minutes = 9.87 * math.sin(2 * year) - 7.53 * math.cos(year) - 1.5 * math.sin(year)
    hour, place = math.radians(15 * (_PASS - 12 + minutes / 60)), math.radians(latitude)
    height = math.sin(place) * math.sin(declination) + math.cos(place) * math.cos(declination) * math.cos(hour)
    return math.degrees(math.acos(height))


def rayleigh_depth(wavelengths_nm: Sequence[float]) -> np.ndarray:
    """Optical depth of clean air above sea level (Bodhaine et al. 1999, equation 30; λ in µm).

    It is for 0.25 to 0.85 µm, and 4 % too much at 2.2 µm, where there is next to nothing.
    """
    squared = (np.asarray(wavelengths_nm, np.float64) / 1000) ** 2
    return np.asarray(
        0.0021520
        * (1.0455996 - 341.29061 / squared - 0.90230850 * squared)
        / (1 + 0.0027059889 / squared - 85.968563 * squared)
    )


def _path_of_air(depth: np.ndarray, mu: float) -> np.ndarray:
    """What air throws upward: light scattered once, exactly, and more than once, by the polynomial.

    For a vertical view the phase function leaves P = 1 + (3μ² − 1) · f / 4, f being the share that is not depolarised.
    """
    depth = np.maximum(depth, 1e-12)
    gamma = _DEPOLARISATION / (2 - _DEPOLARISATION)
    phase = 1 + (3 * mu**2 - 1) / 4 * (1 - gamma) / (1 + 2 * gamma)
    once = (1 - np.exp(-depth * (1 / mu + 1))) / (4 * (mu + 1))
    terms = np.array([1, mu + 1, mu, mu**2 + 1, mu**2])
    factor = terms @ _TWICE + (terms @ _TWICE_LOG) * np.log(depth)
    return np.asarray(phase * (once + (1 - np.exp(-depth / mu)) * (1 - np.exp(-depth)) * factor))


def _path_of_haze(depth: np.ndarray, kept: np.ndarray, mu: float) -> np.ndarray:
    """What haze throws upward: light scattered once, through an angle of 180° less the sun's from the zenith."""
    phase = (1 - _ASYMMETRY**2) / (1 + _ASYMMETRY**2 + 2 * _ASYMMETRY * mu) ** 1.5
    return kept * phase / (4 * (mu + 1)) * (1 - np.exp(-depth * (1 / mu + 1)))


def _through(clean: np.ndarray, hazy: np.ndarray, kept: np.ndarray, mu: float) -> np.ndarray:
    """Transmittance, direct and diffuse: of air by two streams, of haze less what is absorbed or thrown backward."""
    air = ((2 / 3 + mu) + (2 / 3 - mu) * np.exp(-clean / mu)) / (4 / 3 + clean)
    return np.asarray(air * np.exp(-(1 - kept * (1 - _backward())) * hazy / mu))


def _albedo_of_air(depth: np.ndarray) -> np.ndarray:
    """What air throws back to the ground: (3τ − E₃(τ)(4 + 2τ) + 2e^−τ) / (4 + 3τ)."""
    return np.asarray((3 * depth - expn(3, depth) * (4 + 2 * depth) + 2 * np.exp(-depth)) / (4 + 3 * depth))


def _backward() -> float:
    """Share of what haze scatters that goes backward, by the phase function."""
    g = _ASYMMETRY
    return (1 - g**2) / (2 * g) * (1 / math.sqrt(1 + g**2) - 1 / (1 + g))


def _gas_transmittance(band: _Band, mass: float) -> float:
    (water, water_power), (mixed, mixed_power) = band.water, band.mixed
    depth = water * (WATER * mass) ** water_power + band.ozone * OZONE * mass + mixed * mass**mixed_power
    return math.exp(-depth)

"""Published surface reflectances of land covers in the model's ten Sentinel-2 bands.

Each row is rounded to what the named sources show for that *kind* of material; it stands for no single sample.

ECOSTRESS  Meerdink et al. 2019, Remote Sensing of Environment 230, 111196 (soils, vegetation, man-made, water, snow)
USGS       Kokaly et al. 2017, USGS Spectral Library Version 7, Data Series 1035 (grass, shrubs, soils, roofing)
URBAN      Herold et al. 2004, IEEE Trans. Geoscience and Remote Sensing 42(9) (asphalt, concrete, tiles, metal)
SNOW       Warren 1982, Reviews of Geophysics 20(1) (grain size lowers the near infrared, SWIR is nearly black)
PV         Ji et al. 2021, Remote Sensing of Environment 266, 112692 (silicon modules, laboratory and airborne: dark and
           slightly blue up to 1 µm, where silicon stops absorbing; bright near 1.6 µm; the hydrocarbons of the
           encapsulation absorb near 1.7 and 2.3 µm); Czirjak 2017, J. Applied Remote Sensing 11, 042614 (field spectra)
FILM       Yang et al. 2017, ISPRS J. Photogrammetry and Remote Sensing 128, 1 (plastic greenhouses); Lu et al. 2014,
           Remote Sensing 6, 6620 (plastic mulch)
"""

from dataclasses import dataclass

import numpy as np

from ..imagery.bands import MODEL_BANDS

#: Reflectance at B02, B03, B04, B05, B06, B07, B08, B8A, B11, B12.
SPECTRA = {
    "dune sand": (0.150, 0.210, 0.290, 0.310, 0.330, 0.345, 0.365, 0.375, 0.470, 0.420),  # ECOSTRESS
    "sandy loam": (0.100, 0.140, 0.190, 0.210, 0.225, 0.240, 0.260, 0.270, 0.360, 0.320),  # ECOSTRESS
    "moist loam": (0.060, 0.080, 0.110, 0.125, 0.135, 0.145, 0.155, 0.160, 0.210, 0.170),  # ECOSTRESS
    "green crop": (0.030, 0.060, 0.035, 0.090, 0.300, 0.400, 0.430, 0.450, 0.200, 0.090),  # USGS
    "ripe crop": (0.080, 0.120, 0.175, 0.200, 0.240, 0.265, 0.285, 0.300, 0.350, 0.250),  # USGS, dry grass
    "dry grass": (0.070, 0.105, 0.150, 0.175, 0.215, 0.235, 0.255, 0.270, 0.340, 0.235),  # USGS
    "thorn shrub": (0.050, 0.075, 0.085, 0.115, 0.180, 0.215, 0.230, 0.240, 0.240, 0.160),  # USGS
    "tree crown": (0.025, 0.045, 0.030, 0.070, 0.210, 0.270, 0.300, 0.310, 0.150, 0.070),  # ECOSTRESS
    "clear water": (0.045, 0.040, 0.022, 0.016, 0.010, 0.010, 0.008, 0.007, 0.004, 0.003),  # ECOSTRESS
    "turbid water": (0.085, 0.115, 0.110, 0.100, 0.055, 0.055, 0.045, 0.040, 0.012, 0.008),  # ECOSTRESS
    "worn asphalt": (0.095, 0.110, 0.125, 0.130, 0.135, 0.140, 0.145, 0.150, 0.180, 0.170),  # URBAN
    "concrete": (0.210, 0.250, 0.290, 0.300, 0.310, 0.320, 0.330, 0.330, 0.350, 0.320),  # URBAN
    "clay tile": (0.075, 0.105, 0.200, 0.235, 0.265, 0.285, 0.300, 0.310, 0.350, 0.320),  # URBAN
    "bright metal": (0.400, 0.430, 0.440, 0.445, 0.450, 0.450, 0.450, 0.450, 0.420, 0.380),  # URBAN
    "blue metal": (0.200, 0.150, 0.085, 0.080, 0.085, 0.110, 0.170, 0.190, 0.250, 0.210),  # URBAN
    "bitumen roof": (0.055, 0.060, 0.065, 0.068, 0.070, 0.073, 0.076, 0.078, 0.095, 0.090),  # URBAN
    "slate roof": (0.070, 0.075, 0.080, 0.085, 0.090, 0.095, 0.100, 0.105, 0.140, 0.130),  # URBAN
    "fresh asphalt": (0.040, 0.045, 0.050, 0.052, 0.055, 0.057, 0.060, 0.062, 0.080, 0.080),  # URBAN
    "greenhouse film": (0.300, 0.340, 0.330, 0.360, 0.460, 0.500, 0.510, 0.520, 0.380, 0.280),  # FILM, over a crop
    "black mulch film": (0.055, 0.060, 0.065, 0.067, 0.070, 0.073, 0.078, 0.080, 0.100, 0.090),  # FILM
    "burnt ground": (0.035, 0.040, 0.045, 0.050, 0.060, 0.065, 0.075, 0.085, 0.160, 0.140),  # USGS
    "limestone quarry": (0.330, 0.390, 0.440, 0.460, 0.470, 0.480, 0.480, 0.480, 0.500, 0.440),  # ECOSTRESS
    "snow": (0.930, 0.930, 0.920, 0.910, 0.890, 0.870, 0.850, 0.830, 0.090, 0.070),  # SNOW
    "pv module": (0.085, 0.065, 0.055, 0.052, 0.053, 0.057, 0.063, 0.070, 0.210, 0.120),  # PV
}

#: Part of the light that reaches the ground between panel rows tilted 25°, under a 50°–60° high sun.
LIGHT_BETWEEN_ROWS = 0.75


@dataclass(frozen=True)
class Cover:
    """A land cover: two materials that it mixes, how far its share of the first varies, and its class in SCL."""

    name: str
    first: str
    second: str
    contrast: float
    classification: int
    second_light: float = 1.0

    @property
    def spectra(self) -> np.ndarray:
        """Reflectance of the two materials, shape (2, bands)."""
        return np.array([SPECTRA[self.first], np.multiply(SPECTRA[self.second], self.second_light)], np.float32)


VEGETATION, BARE, WATER, SNOW = 4, 5, 6, 11

#: Every cover that a simulated scene holds; a landscape names them by their position here.
COVERS = (
    Cover("irrigated crop", "green crop", "moist loam", 0.06, VEGETATION),
    Cover("ripe crop", "ripe crop", "sandy loam", 0.08, BARE),
    Cover("fallow", "sandy loam", "moist loam", 0.10, BARE),
    Cover("grazing land", "dry grass", "sandy loam", 0.12, BARE),
    Cover("desert", "thorn shrub", "dune sand", 0.10, BARE),
    Cover("bund", "thorn shrub", "sandy loam", 0.15, BARE),
    Cover("woodland", "tree crown", "moist loam", 0.12, VEGETATION),
    Cover("water", "clear water", "turbid water", 0.10, WATER),
    Cover("river bed", "dune sand", "moist loam", 0.15, BARE),
    Cover("road", "worn asphalt", "sandy loam", 0.04, BARE),
    Cover("track", "sandy loam", "dune sand", 0.10, BARE),
    Cover("yard", "sandy loam", "tree crown", 0.15, BARE),
    Cover("concrete roof", "concrete", "worn asphalt", 0.10, BARE),
    Cover("tiled roof", "clay tile", "concrete", 0.10, BARE),
    Cover("metal roof", "bright metal", "concrete", 0.08, BARE),
    Cover("blue roof", "blue metal", "concrete", 0.05, BARE),
    Cover("snow", "snow", "sandy loam", 0.03, SNOW),
    Cover("solar farm ground", "sandy loam", "dry grass", 0.10, BARE),
    Cover("panels over soil", "pv module", "sandy loam", 0.03, BARE, LIGHT_BETWEEN_ROWS),
    Cover("panels over grass", "pv module", "dry grass", 0.03, BARE, LIGHT_BETWEEN_ROWS),
)

INDEX = {cover.name: index for index, cover in enumerate(COVERS)}

if any(len(spectrum) != len(MODEL_BANDS) for spectrum in SPECTRA.values()):
    raise ValueError("every spectrum needs a reflectance for each of the model's bands")

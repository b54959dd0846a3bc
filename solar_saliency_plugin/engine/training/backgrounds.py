"""Scenes without known solar farms, from the shared data: what the model must stay silent on."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio

from ...contract.imagery import SceneOptions
from ..imagery.atmosphere import sun_zenith
from ..imagery.bands import MODEL_BANDS
from ..imagery.scene import open_scene
from ..job import Job


@dataclass(frozen=True)
class Background:
    """One farm-free scene: reflectance (bands, H, W) float32, valid (H, W) bool, processing level and licence.

    sun_zenith: degrees, by date and place, of scenes at level L1C; 0 of others.
    """

    name: str
    licence: str
    level: str
    reflectance: np.ndarray
    valid: np.ndarray
    sun_zenith: float = field(default=0.0, kw_only=True)


@dataclass(frozen=True)
class Source:
    """Where a background is in the shared data, and what its files do not say of themselves.

    date and latitude: of scenes at level L1C, so that the sun's height is known.
    """

    name: str
    path: str
    licence: str
    level: str = "L2A"
    bands: tuple[str, ...] = ()
    scale: float | None = None
    offset: float | None = None
    date: str = ""
    latitude: float = 0.0

    def load(self, data: Path) -> Background:
        """Read it from the shared data at ``data``."""
        if self.path.endswith(".mat"):
            reflectance = _read_matlab(data / self.path)
            valid = np.ones(reflectance.shape[1:], bool)
            return self._background(reflectance, valid)
        options = SceneOptions(
            scene=str(data / self.path),
            bands=",".join(self.bands),
            scale=self.scale,
            offset=self.offset,
            level=self.level,
        )
        with open_scene(options, Job.silent()) as scene:
            reflectance, valid = scene.read(scene.area)
        return self._background(reflectance, valid)

    def _background(self, reflectance: np.ndarray, valid: np.ndarray) -> Background:
        zenith = sun_zenith(self.date, self.latitude) if self.date else 0.0
        return Background(self.name, self.licence, self.level, reflectance, valid, sun_zenith=zenith)


def _read_matlab(path: Path) -> np.ndarray:
    """Bare arrays without a place, which ``open_scene`` rightly refuses; columns come first, red before blue."""
    stacks = []
    for name, repeat in (("im10", 1), ("im20", 2)):
        with rasterio.open(f"HDF5:{path}://{name}") as file:
            stacks.append(file.read().swapaxes(1, 2).repeat(repeat, 1).repeat(repeat, 2))
    order = ("B04", "B03", "B02", "B08", "B05", "B06", "B07", "B8A", "B11", "B12")
    stored = np.concatenate(stacks)[[order.index(band) for band in MODEL_BANDS]]
    return np.ascontiguousarray(stored / 10000, dtype=np.float32)


_TWELVE = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
_THIRTEEN = (*_TWELVE[:10], "B10", *_TWELVE[10:])
_THEIA = ("B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12")
_BOUCONNE = ("2018-04-29", "2018-05-13", "2018-07-08", "2018-08-15", "2018-09-15", "2018-10-15", "2018-11-15")
_PORTAL = 1 / 65535


#: Date and latitude, as the chips' land cover files have them.
_TERRAMIND = {
    "282D_485L_3_3": ("2021-07-23", -25.3),
    "433D_629L_3_1": ("2020-04-08", -38.8),
    "609U_541L_3_0": ("2020-01-11", 54.8),
    "637U_59R_1_3": ("2017-10-30", 57.2),
}


def _terramind(place: str, level: str = "L2A", offset: float | None = None) -> Source:
    path = f"terramind-chips/S2{level}/{place}.tif"
    bands = _TWELVE if level == "L2A" else _THIRTEEN
    date, latitude = _TERRAMIND[place] if level == "L1C" else ("", 0.0)
    return Source(
        f"terramind {place} {level}", path, "Apache-2.0", level, bands, offset=offset, date=date, latitude=latitude
    )


def _bouconne(index: int) -> Source:
    others = len(_BOUCONNE) - index - 1
    bands = ("-",) * (10 * index) + _THEIA + ("-",) * (10 * others)
    return Source(
        f"bouconne {_BOUCONNE[index]}",
        "bouconne-s2-2018/2018_3A_Theia_Bouconne.tif",
        "GPL-3.0",
        bands=bands,
        scale=1e-4,
    )


def _bigearthnet(patch: str) -> Source:
    return Source(f"bigearthnet {patch}", f"bigearthnet-patches/{patch}", "Apache-2.0")


#: Scenes whose licence lets them train a model that is given away, in five parts by place.
PARTS = (
    (
        Source(
            "aber 2021-05-27",
            "aber-s2-2021/sen2_20210527_aber_mosaic.tif",
            "GPL-3.0",
            bands=MODEL_BANDS,
            scale=1e-3,
        ),
        _terramind("637U_59R_1_3"),
        _terramind("637U_59R_1_3", "L1C"),
        _bigearthnet("S2A_MSIL2A_20171221T112501_56_35"),
    ),
    (
        Source("aquileia 2019-04-16", "aquileia-s2-2019", "GPL-3.0", scale=_PORTAL),
        _terramind("609U_541L_3_0"),
        _terramind("609U_541L_3_0", "L1C", offset=-0.1),
    ),
    (
        Source("sundarbans 2020-01-27", "sundarbans-s2-2020", "GPL-3.0", scale=_PORTAL),
        _terramind("433D_629L_3_1", offset=-0.1),
        _terramind("433D_629L_3_1", "L1C", offset=-0.1),
        _bigearthnet("S2A_MSIL2A_20170617T113321_4_55"),
    ),
    (
        Source("pilbara 2018-12-01", "pilbara-s2-2018/2018-12-01", "GPL-3.0", scale=_PORTAL),
        Source(
            "dsen2 T33UUB",
            "dsen2-scenes/S2A_MSIL1C_20170527_T33UUB.mat",
            "CC-BY-4.0",
            "L1C",
            date="2017-05-27",
            latitude=55.4,
        ),
    ),
    (
        *(_bouconne(index) for index in range(len(_BOUCONNE))),
        Source(
            "dsen2 T49JGM",
            "dsen2-scenes/S2B_MSIL1C_20171022_T49JGM.mat",
            "CC-BY-4.0",
            "L1C",
            date="2017-10-22",
            latitude=-26.0,
        ),
        _terramind("282D_485L_3_3"),
        _terramind("282D_485L_3_3", "L1C", offset=-0.1),
        _bigearthnet("S2A_MSIL2A_20170617T113321_36_85"),
    ),
)

#: Scenes without a known licence: measured on, never learned from.
MEASURED_ONLY = (
    Source("wroclaw 2018-06-07", "wroclaw-s2-2018/images/000000000699.tif", "unknown", bands=_TWELVE),
    Source(
        "sen1floods11 Spain 2019-09-18",
        "sen1floods11-spain/Spain_7370579_S2Hand.tif",
        "unknown",
        "L1C",
        date="2019-09-18",
        latitude=38.1,
    ),
)


def place(name: str) -> str:
    """Where a scene of this name is: the dates of Bouconne are one place, every other scene is one of its own."""
    return name.split()[0] if name.startswith("bouconne") else name

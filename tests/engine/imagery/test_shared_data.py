"""Every kind of file in ../shared/data opens, or is refused for a stated, right reason."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import rasterio

from solar_saliency_plugin.contract.errors import (
    BandsUnclearError,
    DateUnclearError,
    NotReflectanceError,
    ScaleUnclearError,
    SceneNotFoundError,
    SceneUnreadableError,
)
from solar_saliency_plugin.contract.imagery import PrepareSceneRequest, SceneOptions
from solar_saliency_plugin.engine.imagery.bands import MODEL_BANDS
from solar_saliency_plugin.engine.imagery.prepare import prepare_scene
from solar_saliency_plugin.engine.imagery.scene import open_scene
from solar_saliency_plugin.engine.job import Job

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

TEN = ",".join(MODEL_BANDS)
TWELVE = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B11,B12"
THIRTEEN = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B10,B11,B12"
PORTAL = 1 / 65535
OFFSET = "hold the offset"


@dataclass(frozen=True)
class Opens:
    """A scene that opens: how, and what it is then. ``suits``: the model can take its grid as it is."""

    path: str
    options: dict = field(default_factory=dict)
    level: str = "L2A"
    date: str = ""
    shape: tuple[int, int] = (224, 224)
    suits: bool = True
    warning: str = ""


@dataclass(frozen=True)
class Refused:
    """A file or folder that does not open: why, in which words, and what the hint offers."""

    path: str
    error: type[Exception]
    words: str
    hint: str = ""
    options: dict = field(default_factory=dict)


CHIPS = ("282D_485L_3_3", "433D_629L_3_1", "609U_541L_3_0", "637U_59R_1_3")
PATCHES = {"S2A_MSIL2A_20170617T113321_36_85": "2017-06-17", "S2A_MSIL2A_20170617T113321_4_55": "2017-06-17",
           "S2A_MSIL2A_20171221T112501_56_35": "2017-12-21"}  # fmt: skip
FARM = "austria-pv-2022/s2/S2_2022_9.nc"
ABER = "aber-s2-2021/sen2_20210527_aber"
ABER_TILE = "aber-s2-2021/tiles/sen2_20210527_aber_tile"
ABER_OPTIONS = {"bands": TEN, "scale": 0.001}
BOUCONNE = "bouconne-s2-2018/2018_3A_Theia_Bouconne.tif"
BOUCONNE_BANDS = "B02,B03,B04,B08,B05,B06,B07,B8A,B11,B12"

OPENS = [
    Opens(FARM, {"date": "2022-06-15"}, date="2022-06-15", shape=(16, 34)),
    Opens(FARM, {"date": "2022-06-15", "mask": "clouds"}, "L2A", "2022-06-15", (16, 34)),
    Opens(f"{ABER}_mosaic.tif", ABER_OPTIONS, "unknown", "2021-05-27", (947, 930)),
    Opens(f"{ABER}_subset.tif", ABER_OPTIONS, "unknown", "2021-05-27", (339, 324)),
    Opens(f"{ABER_TILE}0.tif", ABER_OPTIONS, "unknown", "2021-05-27", (270, 271)),
    *(Opens(f"terramind-chips/S2L2A/{chip}.tif", {"bands": TWELVE}, warning=OFFSET if chip == CHIPS[1] else "")
      for chip in CHIPS),
    *(Opens(f"terramind-chips/S2L1C/{chip}.tif", {"bands": THIRTEEN}, "L1C", warning="" if chip == CHIPS[3] else OFFSET)
      for chip in CHIPS),
    Opens(f"terramind-chips/S2L2A/{CHIPS[1]}.tif", {"bands": TWELVE, "offset": -0.1}),
    Opens("sundarbans-s2-2020", {"scale": PORTAL}, "L2A", "2020-01-27", (954, 298), suits=False),
    Opens(BOUCONNE, {"bands": f"-*10,{BOUCONNE_BANDS},-*50"}, "unknown", "", (246, 227)),
    Opens("sen1floods11-spain/Spain_7370579_S2Hand.tif", {}, "L1C", "", (512, 512), suits=False),
    Opens("wroclaw-s2-2018/images/000000000699.tif", {"bands": TWELVE}, "unknown", "", (256, 256)),
    *(Opens(f"bigearthnet-patches/{patch}", {}, "L2A", date, (120, 120)) for patch, date in PATCHES.items()),
    Opens(f"bigearthnet-patches/{next(iter(PATCHES))}/{next(iter(PATCHES))}_B8A.tif", {}, "L2A", "2017-06-17",
          (120, 120)),
    Opens("aquileia-s2-2019", {"scale": PORTAL}, "L2A", "2019-04-16", (689, 1200), suits=False),
    Opens("pilbara-s2-2018", {"scale": PORTAL, "date": "2018-12-01"}, "L2A", "2018-12-01", (520, 358), suits=False),
]  # fmt: skip

REFUSED = [
    Refused("austria-pv-2022", SceneNotFoundError, "no Sentinel-2 product", ".nc"),
    Refused(FARM, DateUnclearError, "34 dates, 2022-01-01 to 2022-12-17", "2022-01-01"),
    Refused(FARM, DateUnclearError, "not 2022-06-14", "2022-06-15", {"date": "2022-06-14"}),
    Refused("austria-pv-2022/landcover/lclu_2021_9.nc", NotReflectanceError, "class map"),
    Refused("austria-pv-2022/farm_polygons.geojson", SceneUnreadableError, "vector"),
    Refused("austria-pv-2022/farm_qa.csv", SceneUnreadableError, "no raster"),
    Refused("aber-s2-2021", SceneNotFoundError, "no Sentinel-2 product", "mosaic.tif"),
    Refused(f"{ABER}_mosaic.tif", BandsUnclearError, "which of the 10 bands", TEN),
    Refused(f"{ABER}_mosaic.tif", ScaleUnclearError, "scale 0.0001", "0.001", {"bands": TEN}),
    *(Refused(f"{ABER_TILE}{i}.tif", ScaleUnclearError, "0.0001", "0.001", {"bands": TEN}) for i in range(16)),
    Refused(f"{ABER}_cls.tif", NotReflectanceError, "class map"),
    Refused(f"{ABER}_ndvi.tif", NotReflectanceError, "index"),
    Refused(f"{ABER}_vldmsk.tif", NotReflectanceError, "mask"),
    Refused(f"terramind-chips/S2L2A/{CHIPS[0]}.tif", BandsUnclearError, "which of the 12 bands", TWELVE),
    Refused(f"terramind-chips/S2L1C/{CHIPS[0]}.tif", BandsUnclearError, "which of the 13 bands", THIRTEEN),
    *(Refused(f"terramind-chips/LULC/{chip}.tif", NotReflectanceError, "class map") for chip in CHIPS),
    *(Refused(f"terramind-chips/NDVI/{chip}.tif", NotReflectanceError, "index") for chip in CHIPS),
    Refused("sundarbans-s2-2020", ScaleUnclearError, "scale 0.0001", "1.52590219e-05"),
    Refused("sundarbans-s2-2020/2020-01-27-00_00_2020-01-27-23_59_Sentinel-2_L2A_Scene_classification_map.tiff",
            NotReflectanceError, "colour picture"),
    Refused(BOUCONNE, BandsUnclearError, "which of the 70 bands", "7 dates"),
    Refused("sen1floods11-spain/Spain_7370579_LabelHand.tif", NotReflectanceError, "class map"),
    Refused("sen1floods11-spain/Sen1Floods11_Metadata.geojson", SceneUnreadableError, "vector"),
    Refused("wroclaw-s2-2018/images/000000000699.tif", BandsUnclearError, "which of the 12 bands", TWELVE),
    Refused("wroclaw-s2-2018/labels/000000000699.tif", NotReflectanceError, "class map"),
    Refused("bigearthnet-patches", SceneUnreadableError, "3 scenes", "S2A_MSIL2A_20171221T112501_56_35"),
    Refused("aquileia-s2-2019", ScaleUnclearError, "scale 0.0001", "1.52590219e-05"),
    Refused("pilbara-s2-2018", DateUnclearError, "2 dates", "2018-12-01, 2019-01-05"),
    Refused("pilbara-s2-2018/2018-12-01", ScaleUnclearError, "scale 0.0001", "1.52590219e-05"),
    Refused("pilbara-s2-2018/2019-01-05", BandsUnclearError, "lacks the bands B8A, B12"),
    Refused("pilbara-s2-2018/2018-12-01/2018-12-01-00_00_2018-12-01-23_59_Sentinel-2_L2A_True_color.tiff",
            NotReflectanceError, "colour picture"),
    Refused("india-pv-2021/solar_farms_india_2021_merged_simplified.geojson", SceneUnreadableError, "vector"),
    Refused("glosofarid-points/2021_global.json", SceneUnreadableError, "vector"),
    Refused("kruitwagen-rgb/sample_out/model_unet_0_INPUT.png", NotReflectanceError, "8-bit picture"),
    Refused("kruitwagen-rgb/sample_out/model_unet_0_TRUE.png", NotReflectanceError, "mask"),
    Refused("kruitwagen-rgb", SceneNotFoundError, "no Sentinel-2 product"),
    Refused("dsen2-scenes/S2A_MSIL1C_20170527_T33UUB.mat", SceneUnreadableError, "bare arrays"),
    Refused("ukis-clouds/sentinel2.npz", SceneUnreadableError, "bare arrays"),
    Refused("pv-labels-extra/germany_photovoltaic.shp", SceneUnreadableError, "vector"),
]  # fmt: skip


@pytest.mark.parametrize("case", OPENS, ids=lambda case: f"{case.path}-{len(case.options)}")
def test_it_opens(shared_data: Path, case: Opens) -> None:
    job = Job.silent()
    with open_scene(SceneOptions(scene=str(shared_data / case.path), **case.options), job) as scene:
        assert (scene.level, scene.date) == (case.level, case.date)
        assert (scene.grid.height, scene.grid.width) == case.shape
        if case.suits:
            scene.grid.require_model_grid()
        reflectance, valid = scene.read(scene.area)
    assert valid.mean() > 0.9 and 0.02 < np.median(reflectance[:, valid]) < 0.8
    assert [case.warning in warning for warning in job.warnings] == ([True] if case.warning else [])


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case.path}-{len(case.options)}")
def test_it_is_refused(shared_data: Path, case: Refused) -> None:
    with pytest.raises(case.error) as refusal:
        open_scene(SceneOptions(scene=str(shared_data / case.path), **case.options), Job.silent())
    assert case.words in refusal.value.message and case.hint in refusal.value.hint


def test_every_folder_is_spoken_of(shared_data: Path) -> None:
    spoken = {case.path.partition("/")[0] for case in [*OPENS, *REFUSED]}
    assert spoken == {path.name for path in shared_data.iterdir() if path.is_dir()}


def test_every_austrian_farm_opens_at_its_first_summer_date(shared_data: Path) -> None:
    for path in sorted((shared_data / "austria-pv-2022" / "s2").glob("*.nc")):
        with open_scene(SceneOptions(scene=str(path), date=summer_date(path)), Job.silent()) as scene:
            scene.grid.require_model_grid()
            assert scene.has_classification and scene.read(scene.area)[1].any()


def summer_date(path: Path) -> str:
    """The first date of a farm's series after June that is not empty."""
    with rasterio.open(f"netcdf:{path}:B02") as dataset:
        days = [int(day) for day in dataset.tags()["NETCDF_DIM_t_VALUES"].strip("{}").split(",")]
        dates = [(datetime.date(1990, 1, 1) + datetime.timedelta(days=day)).isoformat() for day in days]
        filled = [bool((dataset.read(i) != 32767).any()) for i in dataset.indexes]
    return next(date for date, is_filled in zip(dates, filled, strict=True) if date > "2022-06-30" and is_filled)


def test_netcdf_numbers_are_those_of_its_variables(shared_data: Path) -> None:
    path = shared_data / "austria-pv-2022" / "s2" / "S2_2022_9.nc"
    with rasterio.open(f"netcdf:{path}:B8A") as dataset:
        days = dataset.tags()["NETCDF_DIM_t_VALUES"].strip("{}").split(",")
        stored = dataset.read(days.index("11853") + 1)  # 2022-06-15
    with open_scene(SceneOptions(scene=str(path), date="2022-06-15"), Job.silent(), ("B8A",)) as scene:
        np.testing.assert_allclose(scene.read(scene.area)[0][0], stored / 10_000, atol=1e-6)


@pytest.mark.parametrize("case", [case for case in OPENS if not case.suits], ids=lambda case: case.path)
def test_what_lies_in_degrees_is_made_fit_by_preparing_it(shared_data: Path, tmp_path: Path, case: Opens) -> None:
    output = tmp_path / "tidy.tif"
    request = PrepareSceneRequest(scene=str(shared_data / case.path), output=str(output), **case.options)
    result = prepare_scene(request, Job.silent())
    job = Job.silent()
    with open_scene(SceneOptions(scene=str(output)), job) as scene:
        scene.grid.require_model_grid()
        assert (scene.level, scene.date, tuple(job.warnings)) == (case.level, case.date, result.warnings)
        assert scene.read(scene.area)[1].mean() > 0.8

"""Requests and results about Sentinel-2 scenes."""

from dataclasses import dataclass
from typing import Optional, Tuple

from .options import Role, option
from .registry import method

#: What cloud masking leaves out, by its name in dialogs: scene classification (SCL) values.
CLOUD_MASKS = {"none": (), "clouds": (3, 8, 9, 10), "clouds_and_snow": (3, 8, 9, 10, 11)}


@dataclass(frozen=True)
class ReadingOptions:
    """What a file may leave unsaid about the values in it."""

    bands: str = option(
        "Names of the file's bands in file order, such as B02,B03,B04,B08; - skips one band and -*6 skips six. "
        "Needed only where neither the file nor its name tells them.",
        "",
        advanced=True,
    )
    scale: Optional[float] = option(
        "What one unit of the stored values is worth in reflectance; 0.0001 for values of 0–10000. "
        "Empty: as the file says, else 0.0001.",
        None,
        unit="reflectance",
        minimum=1e-9,
        maximum=1.0,
        advanced=True,
    )
    offset: Optional[float] = option(
        "Reflectance added after scaling; −0.1 for products of processing baseline 04.00 and later. "
        "Empty: as the file says, else 0.",
        None,
        unit="reflectance",
        minimum=-1.0,
        maximum=1.0,
        advanced=True,
    )
    level: str = option(
        "Processing level: L2A (surface reflectance) or L1C (top of atmosphere), which is corrected, roughly, for a "
        "model that was trained on L2A. auto: as the file says.",
        "auto",
        choices=("auto", "L1C", "L2A"),
        advanced=True,
    )
    mask: str = option(
        "Leave out pixels that the scene classification (SCL) calls cloud or cloud shadow, or snow too.",
        "none",
        choices=tuple(CLOUD_MASKS),
    )


@dataclass(frozen=True)
class SceneOptions(ReadingOptions):
    """How a scene is found and understood; what its file does not say can be said here."""

    scene: str = option(
        "The Sentinel-2 scene: a .SAFE folder or its .zip, a folder of band files, or one stacked file "
        "(GeoTIFF, VRT, JPEG 2000, netCDF).",
        role=Role.SCENE,
    )
    date: str = option(
        "Acquisition date (YYYY-MM-DD). Needed where a file holds several dates; else it overrides what the file says.",
        "",
        advanced=True,
    )
    extent: Optional[Tuple[float, float, float, float]] = option(
        "Only this part of the scene. Empty: all of it.",
        None,
        role=Role.EXTENT,
    )
    extent_crs: str = option("CRS of the extent, such as EPSG:4326. Empty: the scene's own.", "", role=Role.CRS)


@dataclass(frozen=True)
class PrepareSceneResult:
    """A tidy scene was written."""

    output: str
    bands: Tuple[str, ...]
    crs: str
    width: int
    height: int
    level: str
    date: str
    valid_share: float
    masked_share: float
    seconds: float
    warnings: Tuple[str, ...] = ()


@method("preparescene", result=PrepareSceneResult, runs="imagery.prepare:prepare_scene")
@dataclass(frozen=True)
class PrepareSceneRequest(SceneOptions):
    """Write one tidy scene from any form of Sentinel-2 data.

    The result is a cloud-optimised GeoTIFF at 10 m in UTM with named bands, wavelengths, scale and nodata.
    """

    output: str = option("The tidy scene to write (GeoTIFF).", role=Role.RASTER_OUTPUT)


@dataclass(frozen=True)
class SampleSceneResult:
    """A simulated scene was written."""

    scene: str
    truth: str
    farms: int
    width: int
    height: int
    crs: str
    seconds: float
    warnings: Tuple[str, ...] = ()


@method("samplescene", result=SampleSceneResult, runs="training.simulation:sample_scene")
@dataclass(frozen=True)
class SampleSceneRequest:
    """Make a simulated Sentinel-2 scene with known solar farms, to try the plugin on.

    It is computed from published reflectances of land covers; nothing in it was ever photographed. It is written
    as a folder of band files at 10 m and 20 m, like a real product, with the true farm outlines as polygons.
    """

    output: str = option("Folder to write the simulated scene into.", role=Role.FOLDER_OUTPUT)
    size: int = option("Width and height of the scene.", 1024, unit="pixels", minimum=256, maximum=10980)
    seed: int = option("The same seed gives the same scene.", 2021, minimum=0, maximum=2**31 - 1, advanced=True)

"""What is wrong with outlines, found and written down so that planners see it on the map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import shapely

from ..imagery.outputs import put_in_place, scratch_folder, translate_os_error
from . import doubts
from .crops import Crop, Crops
from .farms import SNOW_LIMIT
from .labels import Outlines

#: Name of the layer in the GeoPackage.
LAYER = "problems"

#: A farm of fewer pixels that lie wholly inside teaches its edges only.
_LEAST_PIXELS = 6


@dataclass(frozen=True)
class Problem:
    """What is wrong with the outlines of a site, as planners read it.

    kind: displaced, nothing_visible, not_there_yet, newer_than_image, outside, too_small or clouded. image and day
    are empty where it is about all of them, or where a farm that is not there yet cannot be dated. left_out: whether
    nothing was learned from the site because of it.
    """

    site: int
    image: str
    day: str
    kind: str
    text: str
    longitude: float
    latitude: float
    left_out: bool


def find_problems(crops: Crops, places: Mapping[int, int], keep: bool) -> list[Problem]:
    """What is wrong with each site, one problem at most, and how often it was newer than an image."""
    found: list[Problem] = []
    sites = crops.sites

    def add(site: int, kind: str, text: str, day: str = "", image: str = "", left_out: bool = True) -> None:
        longitude, latitude = sites.middle(site)
        found.append(Problem(site, image, day, kind, text, longitude, latitude, left_out))

    looks: dict[int, list[doubts.Look]] = {}
    by_site = crops.by_site()
    # A layer of a whole country has most of its farms elsewhere; that is no problem of theirs.
    covered = sites.members if 2 * len(crops.seen) >= len(sites.members) else sorted(crops.seen)
    for site in covered:
        its = by_site.get(site, [])
        if newer := crops.newer.get(site, []):
            image, day = newer[0] if len(newer) == 1 else ("", "")
            text = f"The farm is newer than {len(newer)} of the images, and was left out of them."
            add(site, "newer_than_image", text, day, image)
        if site not in crops.seen:
            add(site, "outside", "The outline lies in none of the scenes, or where they hold no data.")
        elif not its and not newer:
            add(site, "clouded", "No image shows the farm without clouds.")
        elif its and max((crop.own == 1).sum() for crop in its) < _LEAST_PIXELS:
            text = f"Fewer than {_LEAST_PIXELS} pixels lie wholly inside: the farm is too small to be seen in detail."
            add(site, "too_small", text, left_out=not keep)
        else:
            looks[site] = [_look(crop) for crop in its if crop.view.snow <= SNOW_LIMIT]
    moved = {site: by for site, seen in looks.items() if (by := doubts.displacement(seen))}
    placed = {site: [look.moved(*moved.get(site, (0, 0))) for look in seen] for site, seen in looks.items()}
    likeness = doubts.likeness(placed, places)
    for site, seen in looks.items():
        # An outline on a field may fit the field next to it better, without any farm in either.
        if site in moved and (site not in likeness or likeness[site].is_visible):
            add(site, "displaced", _displaced(*moved[site]), left_out=not keep)
        elif doubts.is_water(seen):
            add(site, "nothing_visible", "There is open water inside the outline.", left_out=not keep)
        elif doubts.is_bright_ground(seen):
            text = "What lies inside the outline is brighter than panels are: bare ground, or a roof."
            add(site, "nothing_visible", text, left_out=not keep)
        elif site in likeness and (built := likeness[site].built()):
            text = f"The farm cannot be seen before {built}; earlier images of it were left out."
            add(site, "not_there_yet", text, built, left_out=not keep)
        elif site in likeness and likeness[site].may_be_newer:
            text = "The farm seems to be newer than some of the images, but since when it stands is not clear."
            add(site, "not_there_yet", text, left_out=not keep)
        elif site in likeness and not likeness[site].is_visible:
            text = "Inside the outline nothing can be seen of what tells the other farms from their surroundings."
            add(site, "nothing_visible", text, left_out=not keep)
    return sorted(found, key=lambda problem: (problem.site, problem.kind))


def _look(crop: Crop) -> doubts.Look:
    view = crop.view
    return doubts.Look(view.date, view.reflectance, view.valid, crop.own)


def _displaced(down: int, right: int) -> str:
    ways = [(down, "south", "north"), (right, "east", "west")]
    told = " and ".join(f"{10 * abs(by)} m {towards if by > 0 else away}" for by, towards, away in ways if by)
    return f"The outline looks displaced, or lacks a part: it would fit the images better about {told} of where it is."


def write_problems(problems: Sequence[Problem], path: Path) -> None:
    """Write the problems as points to a GeoPackage, layer ``problems``; raises as other outputs do."""
    fields = {
        "site": np.array([p.site for p in problems], np.int64),
        "kind": np.array([p.kind for p in problems], object),
        "text": np.array([p.text for p in problems], object),
        "image": np.array([p.image for p in problems], object),
        "day": np.array([p.day for p in problems], object),
        "left_out": np.array([p.left_out for p in problems], bool),
    }
    # GeoPackages carry the time of their last change; without this the same request would not give the same bytes.
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"})
    try:
        with scratch_folder(path) as folder:
            whole = folder / "problems.gpkg"
            pyogrio.raw.write(
                whole,
                geometry=shapely.to_wkb(
                    shapely.points([(p.longitude, p.latitude) for p in problems] or np.empty((0, 2)))
                ),
                field_data=list(fields.values()),
                fields=list(fields),
                layer=LAYER,
                driver="GPKG",
                geometry_type="Point",
                crs=Outlines.crs,
                # What QGIS 3.22's GDAL knows; it warns of files of later versions.
                dataset_options={"VERSION": "1.2"},
            )
            put_in_place(whole, path)
    except (OSError, pyogrio.errors.DataSourceError) as error:
        raise translate_os_error(error) from error

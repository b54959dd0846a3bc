"""netCDF: one variable for each band, and often one step for each date."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path

from ...contract.errors import DateUnclearError
from ...contract.imagery import SceneOptions
from .bands import band_in_text, unnamed_bands
from .naming import checked_date, date_in_tags, date_in_text, level_in_tags, level_in_text
from .product import Layer, Product
from .raster import display_name, open_raster
from .stacked import band_of_tags, level_of_bands, read_stacked

_UNITS = re.compile(r"(second|minute|hour|day)s? since (\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2}))?")
_HINT_DATES = 6

#: Dates that are listed where one has to be chosen: those of a whole year.
_LISTED_DATES = 80


def read_netcdf(path: Path, options: SceneOptions) -> Product:
    """The product in a netCDF file, at the date asked for.

    Raises :class:`DateUnclearError` where there are several dates and none, or one that it has not, was chosen.
    """
    with open_raster(path) as dataset:
        variables = {_variable(name): name for name in dataset.subdatasets}
    if not variables:  # one variable only: GDAL opens it as the file's raster
        return read_stacked(path, options)
    named = {band: variable for variable in variables if (band := _band(variable, variables[variable]))}
    if not named:
        raise unnamed_bands(display_name(path), len(variables))
    with open_raster(variables[next(iter(named.values()))]) as dataset:
        tags, count = dataset.tags(), dataset.count
    steps = _dates(tags, count)
    date = checked_date(options.date)
    index = _step(path, steps, date) if count > 1 else 0
    layers = {band: Layer(variables[variable], index + 1) for band, variable in named.items()}
    tags = {key.removeprefix("NC_GLOBAL#"): value for key, value in tags.items()}
    level = level_in_tags(tags) or level_in_text(path.stem) or level_of_bands(layers)
    found = steps[index] if steps else date_in_tags(tags) or date_in_text(path.stem)
    return Product(
        name=f"{display_name(path)}{f' of {found}' if count > 1 else ''}",
        id=f"{path.stem}_{found}" if count > 1 else path.stem,
        layers=layers,
        inputs=(path,),
        level=level or "unknown",
        date=found,
    )


def _variable(subdataset: str) -> str:
    return subdataset.rpartition(":")[2].strip('"').rpartition("/")[2]


def _band(variable: str, subdataset: str) -> str | None:
    name = band_in_text(variable)
    if name:
        return name
    with open_raster(subdataset) as dataset:
        return band_of_tags(dataset.tags(1)) if dataset.count else None


def _dates(tags: Mapping[str, str], count: int) -> list[str]:
    """The date of every step; empty where the file has no time axis."""
    for key, value in tags.items():
        match = re.fullmatch(r"NETCDF_DIM_(\w+)_VALUES", key)
        units = _UNITS.match(tags.get(f"{match.group(1)}#units", "")) if match else None
        numbers = [float(number) for number in value.strip("{}").split(",") if number] if units else []
        if units and len(numbers) == count:
            unit, year, month, day, hour, minute = units.groups()
            start = datetime.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0))
            return [(start + datetime.timedelta(**{f"{unit}s": number})).date().isoformat() for number in numbers]
    return []


def _step(path: Path, steps: list[str], date: str) -> int:
    name = display_name(path)
    if not steps:
        raise DateUnclearError(
            f"{name} holds several images of every band, and nothing says when they were taken.",
            "Write one of them to a GeoTIFF with named bands first.",
        )
    if not date:
        raise DateUnclearError(
            f"{name} holds {len(steps)} dates, {steps[0]} to {steps[-1]}.",
            f"Set the option “date” to {_some(steps)}.",
            tuple(sorted(set(steps))),
        )
    if date not in steps:
        near = sorted(steps, key=lambda step: abs(_day(step) - _day(date)))[:_HINT_DATES]
        raise DateUnclearError(
            f"{name} holds {len(steps)} dates, {steps[0]} to {steps[-1]}, but not {date}.",
            f"The nearest are {', '.join(sorted(near))}.",
        )
    return steps.index(date)


def _some(steps: list[str]) -> str:
    return f"one of: {', '.join(steps[:_LISTED_DATES])}" + (" …" if len(steps) > _LISTED_DATES else "")


def _day(date: str) -> int:
    return datetime.date.fromisoformat(date).toordinal()

"""A small scene with a farm, and who listens to a run over it."""

import threading
import time
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pyogrio
import shapely

from solar_saliency_plugin.contract.region_shap import RegionAnswer
from solar_saliency_plugin.engine.job import Job, SilentListener

#: Reflectance of panels, from blue to short-wave infrared, as the shipped model knows them, and of the ground.
PANELS = np.array([0.07, 0.075, 0.08, 0.09, 0.11, 0.12, 0.125, 0.13, 0.19, 0.15], np.float32)
GROUND = np.array([0.05, 0.08, 0.07, 0.12, 0.26, 0.31, 0.33, 0.34, 0.22, 0.13], np.float32)

#: Where the farm lies, the scene's size, and its upper left corner.
ROWS, COLS, SHAPE = slice(40, 60), slice(30, 56), (97, 113)
COLS_LEFT = slice(30, 40)
LEFT, TOP = 3e5, 3e6


def outline(rows: slice, cols: slice) -> str:
    """The polygon of a window of the scene, as well-known text."""
    return str(
        shapely.box(LEFT + 10 * cols.start, TOP - 10 * rows.stop, LEFT + 10 * cols.stop, TOP - 10 * rows.start).wkt
    )


FARM = outline(ROWS, COLS)
AROUND = outline(slice(34, 66), slice(24, 62))


def reflectance() -> np.ndarray:
    """(10, H, W): one farm, which the shipped model finds; a corner holds no data."""
    found = np.broadcast_to(GROUND[:, None, None], (10, *SHAPE)).copy()
    found[:, ROWS, COLS] = PANELS[:, None, None]
    found += np.random.default_rng(5).normal(0, 0.004, found.shape).astype(np.float32)
    found[:, :12, :12] = np.nan
    return found


class Ear(SilentListener):
    """Keeps what is told, and may stop or cancel the run when something is: ``when`` is asked of every message."""

    def __init__(self, when: Callable[[dict[str, Any]], bool] = lambda told: False, ends: str = "stopped") -> None:
        self.partials: list[dict[str, Any]] = []
        self.warnings: list[str] = []
        self.events = {"stopped": threading.Event(), "cancelled": threading.Event()}
        self.ended = 0.0
        self._when, self._ends = when, ends

    @property
    def job(self) -> Job:
        """A job that it listens to."""
        return Job(self, self.events["cancelled"], self.events["stopped"])

    @property
    def estimates(self) -> list[dict[str, Any]]:
        """The estimates among the partial results."""
        return [told for told in self.partials if "phi" in told]

    def warned(self, message: str) -> None:
        self.warnings.append(message)

    def partial(self, values: dict[str, Any]) -> None:
        self.partials.append(values)
        self._heard(values)

    def progressed(self, progress: Any) -> None:
        self._heard({"message": progress.message, "fraction": progress.fraction})

    def _heard(self, told: dict[str, Any]) -> None:
        if not self.ended and self._when(told):
            self.ended = time.monotonic()
            self.events[self._ends].set()


def phi(answer: RegionAnswer) -> np.ndarray:
    """The values of an answer, (n,)."""
    return np.array([player.phi for player in answer.players])


def write_layer(path: Path, shapes: list[str], crs: str = "EPSG:32643", **fields: list[Any]) -> str:
    """A layer of polygons with fields."""
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(shapely.from_wkt(shapes)),
        field_data=[np.array(values, object if isinstance(values[0], str) else None) for values in fields.values()],
        fields=list(fields),
        geometry_type="Polygon",
        crs=crs,
        driver="GPKG",
    )
    return str(path)

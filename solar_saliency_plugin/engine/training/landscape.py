"""Lays out a simulated landscape: what covers the ground, and where its solar farms are.

Everything is drawn on a grid finer than the sensor's pixels, so that their edges mix as in a real image.
"""

from dataclasses import dataclass

import numpy as np
from rasterio.features import rasterize
from rasterio.transform import from_origin
from shapely import affinity
from shapely.geometry import Polygon, box

from ..job import Job
from .reflectances import COVERS, INDEX

#: Metres between the points of the landscape's grid.
SPACING = 5.0

#: Areas of the solar farms of a whole district, in hectares; a smaller district gets the first few.
FARM_AREAS = (12.0, 2.5, 6.0, 30.0, 0.6, 1.2, 20.0, 4.0, 9.0, 0.9, 15.0, 3.0)
FARMS_PER_KM2 = 12 / 10.24**2
FENCE = 15.0

#: Covers that a solar farm may be built on.
OPEN_LAND = ("irrigated crop", "ripe crop", "fallow", "grazing land", "desert", "bund")


@dataclass(frozen=True)
class Farm:
    """A solar farm: outline of its panels, in metres right and down of the district's corner; ground under panels."""

    outline: Polygon
    panel_share: float


@dataclass(frozen=True)
class Landscape:
    """What covers the ground, at every point of the grid, shape (side, side).

    ``cover`` indexes :data:`COVERS`; ``share`` is the part of the cover's first material, in [0, 1].
    """

    cover: np.ndarray
    share: np.ndarray
    farms: tuple[Farm, ...]


def lay_out(side: int, rng: np.random.Generator, job: Job) -> Landscape:
    """A district of ``side`` × ``side`` grid points; the same generator state gives the same district."""
    draft = _Draft(side, rng)
    steps = (
        draft.fields,
        draft.woodland,
        draft.river,
        draft.lake,
        draft.roads,
        draft.village,
        draft.snow,
        draft.solar_farms,
    )
    for number, step in enumerate(steps):
        job.progress(number / len(steps), "Laying out the simulated landscape")
        step()
    job.check()
    return draft.landscape()


def smooth_noise(rng: np.random.Generator, side: int, spacing: int) -> np.ndarray:
    """Noise without features smaller than ``spacing`` points, shape (side, side), about normal with deviation 0.6."""
    nodes = rng.standard_normal((side // spacing + 2,) * 2, dtype=np.float32)
    position = np.arange(side, dtype=np.float32) / spacing
    left = position.astype(int)
    step = position - left
    step = step * step * (3 - 2 * step)
    rows = nodes[left] + (nodes[left + 1] - nodes[left]) * step[:, None]
    return rows[:, left] + (rows[:, left + 1] - rows[:, left]) * step


class _Draft:
    """A landscape while it is being drawn; what is drawn later covers what was there."""

    def __init__(self, side: int, rng: np.random.Generator) -> None:
        self.rng = rng
        self.side = side
        self.metres = side * SPACING
        self.cover = np.zeros((side, side), np.uint8)
        self.share = np.zeros((side, side), np.float32)
        self.farms: list[Farm] = []
        centre = (np.arange(side, dtype=np.float32) + 0.5) * SPACING
        self.x, self.y = centre[None, :], centre[:, None]
        # One wide noise bends every outline that is drawn, so that none is a perfect curve.
        self.wobble = smooth_noise(rng, side, 60)

    def landscape(self) -> Landscape:
        """The finished landscape, with the fine texture that every cover has."""
        texture = smooth_noise(self.rng, self.side, 2) + smooth_noise(self.rng, self.side, 10) + 0.7 * self.wobble
        contrast = np.array([cover.contrast for cover in COVERS], np.float32)
        share = np.clip(self.share + contrast[self.cover] * texture, 0.0, 1.0)
        return Landscape(self.cover, share, tuple(self.farms))

    def paint(self, where: np.ndarray, cover: str, share: float | np.ndarray) -> None:
        """Cover the points ``where`` with a cover."""
        self.cover[where] = INDEX[cover]
        self.share[where] = share if np.isscalar(share) else np.broadcast_to(share, where.shape)[where]

    def rotated(self, degrees: float, bend: float) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates in a turned frame, in metres, bent by up to about ``bend`` metres."""
        angle = np.radians(degrees)
        u = self.x * np.cos(angle) + self.y * np.sin(angle) + bend * self.wobble
        v = self.y * np.cos(angle) - self.x * np.sin(angle) + bend * self.wobble.T
        return u.astype(np.float32), v.astype(np.float32)

    def fields(self) -> None:
        """Strips of fields of several crops between bunds, with tongues of desert."""
        u, v = self.rotated(self.rng.uniform(-20, 20), 40.0)
        u, v = u - u.min(), v - v.min()
        edges = np.cumsum(self.rng.uniform(90, 240, size=int(u.max() / 90) + 2)).astype(np.float32)
        strip = np.searchsorted(edges, u)
        length = self.rng.uniform(120, 420, edges.size + 1).astype(np.float32)[strip]
        along = v / length + self.rng.random(edges.size + 1, np.float32)[strip]
        field = strip * 1009 + along.astype(int)
        kinds = np.array([INDEX[name] for name in ("irrigated crop", "ripe crop", "fallow", "grazing land")], np.uint8)
        table = 4096
        self.cover[:] = self.rng.choice(kinds, table, p=(0.35, 0.25, 0.25, 0.15))[field % table]
        self.share[:] = self.rng.uniform(0.35, 0.95, table).astype(np.float32)[field % table]
        bund = ((along % 1) * length < 5) | (edges[strip] - u < 5)
        self.paint(bund, "bund", 0.5)
        dry = smooth_noise(self.rng, self.side, 200) + 0.3 * smooth_noise(self.rng, self.side, 25) + 0.2 * self.wobble
        self.paint(dry > 0.6, "desert", np.clip(0.45 - 0.4 * dry, 0.03, 1))

    def blob(self, radius: float, reach: float) -> np.ndarray:
        """Distance from a random centre, off the edges, in units of an uneven radius (metres): < 1 inside."""
        cx, cy = self.metres * self.rng.uniform(reach, 1 - reach, 2)
        aspect = self.rng.uniform(0.7, 1.3)
        return np.hypot((self.x - cx) / aspect, (self.y - cy) * aspect) / radius + 0.2 * self.wobble

    def woodland(self) -> None:
        """A wood with clearings, and groves."""
        self.paint(self.blob(0.09 * self.metres, 0.15) < 1, "woodland", 0.8)
        self.paint(smooth_noise(self.rng, self.side, 24) > 1.55, "woodland", 0.7)

    def line(self, start: float, swing: float, vertical: bool) -> np.ndarray:
        """Distance in metres from a bent line across the district; it meets the next district's line at the edge."""
        along, across = (self.y, self.x) if vertical else (self.x, self.y)
        phase = np.pi * along / self.metres
        middle = self.metres * start + swing * np.sin(phase) ** 2 + 0.3 * swing * np.sin(2 * phase) ** 3
        return np.abs(across - middle)

    def river(self) -> None:
        """A river that is mostly sand in March, with a channel of water."""
        distance = self.line(0.78, 0.08 * self.metres, vertical=False)
        self.paint(distance < 70 + 12 * self.wobble, "river bed", 0.75)
        self.paint(distance < 22 + 8 * self.wobble.T, "water", 0.3)

    def lake(self) -> None:
        """A reservoir with a turbid, wet shore."""
        distance = self.blob(0.045 * self.metres, 0.2)
        self.paint(distance < 1.12, "river bed", 0.25)
        self.paint(distance < 1, "water", np.clip(2.5 * (1 - distance), 0, 0.95))

    def roads(self) -> None:
        """Two paved roads and two tracks."""
        self.paint(self.line(0.15, -0.06 * self.metres, vertical=True) < 3.5, "track", 0.6)
        self.paint(self.line(0.62, 0.05 * self.metres, vertical=False) < 3.5, "track", 0.6)
        self.paint(self.line(0.33, 0.09 * self.metres, vertical=True) < 6.5, "road", 0.9)
        self.paint(self.line(0.45, -0.07 * self.metres, vertical=False) < 6.5, "road", 0.9)

    def village(self) -> None:
        """Plots with houses under several roofs, lanes and trees; blue and bright metal halls at the rim."""
        distance = self.blob(0.045 * self.metres, 0.25)
        u, v = self.rotated(self.rng.uniform(-30, 30), 8.0)
        self.paint(distance < 1, "yard", 0.75)
        houses = ("yard", "concrete roof", "tiled roof", "metal roof")
        self.plots(distance < 1, u, v, (22.0, 18.0), houses, (4, 4, 2, 1))
        rim = np.abs(distance - 1.15) < 0.15
        halls = ("yard", "blue roof", "metal roof", "concrete roof")
        self.plots(rim, u, v, (140.0, 110.0), halls, (5, 2, 1, 1))

    def plots(
        self,
        where: np.ndarray,
        u: np.ndarray,
        v: np.ndarray,
        pitch: tuple[float, float],
        covers: tuple[str, ...],
        weights: tuple[int, ...],
    ) -> None:
        """Fill the points ``where`` with plots of ``pitch`` metres, each with one building of a random cover."""
        table = 4096
        row, column = np.floor(v / pitch[1]).astype(int), np.floor(u / pitch[0]).astype(int)
        kind = self.rng.choice(len(covers), table, p=np.divide(weights, sum(weights)))[(row * 911 + column) % table]
        inside = where & (u / pitch[0] - column < 0.62) & (v / pitch[1] - row < 0.62)
        for index, cover in enumerate(covers):
            self.paint(inside & (kind == index), cover, 0.8)

    def snow(self) -> None:
        """A patch of snow: impossible here, and put in on purpose, to test whether a model follows a false cue."""
        self.paint(self.blob(0.018 * self.metres, 0.2) < 1, "snow", 0.97)

    def solar_farms(self) -> None:
        """Solar farms of several sizes and forms on open land, fenced, with service lanes between their panels."""
        free = np.isin(self.cover, [INDEX[name] for name in OPEN_LAND])
        wanted = round(FARMS_PER_KM2 * (self.metres / 1000) ** 2)
        for number, area in enumerate(FARM_AREAS[: max(3, wanted)]):
            outline, degrees = self.site(free, area, l_shaped=number % 3 == 2)
            if outline is None:
                continue
            free &= ~self.inside(outline.buffer(150))
            self.build(outline, degrees, over_grass=number % 4 == 1)

    def site(self, free: np.ndarray, area: float, l_shaped: bool) -> tuple[Polygon | None, float]:
        """An outline of ``area`` ha on free land and its direction; None where no place was found in 200 tries."""
        for _ in range(200):
            degrees = float(self.rng.uniform(-25, 25))
            shape = box(0, 0, self.rng.uniform(1.0, 2.2), 1.0)
            if l_shaped:
                shape = shape.difference(box(0.55 * shape.bounds[2], 0.5, 9, 9))
            shape = affinity.scale(shape, *[(area * 1e4 / shape.area) ** 0.5] * 2)
            shape = affinity.rotate(shape, degrees, origin=(0, 0))
            outline = affinity.translate(shape, *self.rng.uniform(0, self.metres, 2))
            room = outline.buffer(3 * FENCE)
            if box(0, 0, self.metres, self.metres).contains(room) and free[self.inside(room)].mean() > 0.98:
                return outline, degrees
        return None, 0.0

    def inside(self, outline: Polygon) -> np.ndarray:
        """The points inside an outline."""
        # Rows run down, as do the outline's coordinates: a transform with a negative pixel height.
        transform = from_origin(0, 0, SPACING, -SPACING)
        return rasterize([outline], (self.side, self.side), transform=transform).astype(bool)

    def build(self, outline: Polygon, degrees: float, over_grass: bool) -> None:
        """Build one farm: levelled ground inside the fence, panels inside the outline except on the service lanes."""
        panel_share = float(self.rng.uniform(0.5, 0.65))
        ground = 0.3 if over_grass else 0.9
        self.paint(self.inside(outline.buffer(FENCE, join_style="mitre")), "solar farm ground", ground)
        panels = self.inside(outline)
        row, column = panels.nonzero()
        left, top = outline.exterior.coords[0]
        x, y = (column + 0.5) * SPACING - left, (row + 0.5) * SPACING - top
        angle = np.radians(degrees)
        u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        # Lanes for vehicles around blocks of about 2 ha, which is 1–2 MW.
        panels[row, column] = ((u + 3) % 160 >= 6) & ((v + 2.5) % 130 >= 5)
        cover = "panels over grass" if over_grass else "panels over soil"
        self.paint(panels, cover, panel_share)
        self.farms.append(Farm(outline, panel_share))

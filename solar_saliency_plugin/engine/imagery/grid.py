"""One immutable value says where pixels lie: CRS, affine transform, width and height."""

from __future__ import annotations

import math
from dataclasses import dataclass

import rasterio.windows
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.warp import transform, transform_bounds

from ...contract.errors import ExtentOutsideError, GridUnsuitableError, RequestError
from ...contract.options import Extent

#: The WGS 84 ellipsoid: semi-major axis in metres and squared eccentricity.
_AXIS, _ECCENTRICITY = 6_378_137.0, 0.00669437999014
#: A corner this close to a pixel's edge (in pixels) counts as lying on it.
EDGE_TOLERANCE = 1e-6
#: Share by which the pixel size may differ from the one that a model was made for.
PIXEL_SIZE_TOLERANCE = 0.2

_PREPARE = "Run Prepare Scene first: it writes the scene at 10 m in UTM."


@dataclass(frozen=True)
class Window:
    """A rectangle of whole pixels."""

    row: int
    col: int
    height: int
    width: int

    @property
    def rows(self) -> slice:
        """Rows, to index an array of the whole raster with."""
        return slice(self.row, self.row + self.height)

    @property
    def cols(self) -> slice:
        """Columns, to index an array of the whole raster with."""
        return slice(self.col, self.col + self.width)

    def intersection(self, other: Window) -> Window:
        """The pixels that both hold; height or width is 0 where they do not meet."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        height = max(0, min(self.rows.stop, other.rows.stop) - row)
        width = max(0, min(self.cols.stop, other.cols.stop) - col)
        return Window(row, col, height, width)

    def within(self, outer: Window) -> tuple[slice, slice]:
        """Rows and columns, to index an array of ``outer``, which holds this window, with."""
        row, col = self.row - outer.row, self.col - outer.col
        return slice(row, row + self.height), slice(col, col + self.width)

    def relative_to(self, outer: Window) -> Window:
        """The same pixels, counted from the first one of ``outer``."""
        return Window(self.row - outer.row, self.col - outer.col, self.height, self.width)

    def grown(self, margin: int) -> Window:
        """The window with so many pixels more on each side."""
        return Window(self.row - margin, self.col - margin, self.height + 2 * margin, self.width + 2 * margin)

    def to_rasterio(self) -> rasterio.windows.Window:
        """The same rectangle as rasterio wants it."""
        return rasterio.windows.Window(self.col, self.row, self.width, self.height)


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a raster lie. A raster without CRS has the empty, false ``CRS()``."""

    crs: CRS
    transform: Affine
    width: int
    height: int

    @property
    def whole(self) -> Window:
        """The window of all pixels."""
        return Window(0, 0, self.height, self.width)

    @property
    def bounds(self) -> Extent:
        """xmin, ymin, xmax, ymax in the grid's CRS, around all four corners."""
        xs, ys = zip(*(self.transform * corner for corner in self._corners()), strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Width and height of a pixel in metres of the CRS; those on the ground where the CRS is in degrees.

        Without a CRS the unit is not known and the numbers are those of the transform.
        """
        if self.crs.is_geographic:
            return self.ground_pixel_size
        x, y = math.hypot(self.transform.a, self.transform.d), math.hypot(self.transform.b, self.transform.e)
        factor = float(self.crs.linear_units_factor[1]) if self.crs.is_projected else 1.0
        return x * factor, y * factor

    @property
    def ground_pixel_size(self) -> tuple[float, float]:
        """Width and height in metres, on the ground, of the pixel in the middle. In Web Mercator, metres of the map
        are half as long on the ground at 60° latitude.
        """
        col, row = self.width / 2, self.height / 2
        xs, ys = zip(*(self.transform * place for place in ((col, row), (col + 1, row), (col, row + 1))), strict=True)
        (lon, right, down), (lat, right_lat, down_lat) = transform(self.crs, CRS.from_epsg(4326), xs, ys)
        flattening = 1 - _ECCENTRICITY * math.sin(math.radians(lat)) ** 2
        east = math.radians(1) * _AXIS / math.sqrt(flattening) * math.cos(math.radians(lat))
        north = math.radians(1) * _AXIS * (1 - _ECCENTRICITY) / flattening**1.5
        return (
            math.hypot((right - lon) * east, (right_lat - lat) * north),
            math.hypot((down - lon) * east, (down_lat - lat) * north),
        )

    @property
    def is_north_up(self) -> bool:
        """Whether rows run from north to south and columns from west to east."""
        t = self.transform
        return t.b == 0 and t.d == 0 and t.a > 0 and t.e < 0

    def crop(self, window: Window) -> Grid:
        """The grid of the pixels in ``window``."""
        return Grid(self.crs, self.transform * Affine.translation(window.col, window.row), window.width, window.height)

    def center_longitude_latitude(self) -> tuple[float, float]:
        """Longitude and latitude of the middle, in degrees."""
        x, y = self.transform * (self.width / 2, self.height / 2)
        longitudes, latitudes = transform(self.crs, CRS.from_epsg(4326), [x], [y])
        return longitudes[0], latitudes[0]

    def window(self, extent: Extent, crs: str = "") -> Window:
        """The pixels that ``extent`` (xmin, ymin, xmax, ymax) touches, clipped to the grid.

        ``crs`` is the extent's, the grid's own where empty. Raises :class:`ExtentOutsideError` where they are
        disjoint, :class:`RequestError` for an extent or CRS that is none.
        """
        xmin, ymin, xmax, ymax = self._in_own_crs(extent, crs)
        inverse = ~self.transform
        cols, rows = zip(*(inverse * (x, y) for x in (xmin, xmax) for y in (ymin, ymax)), strict=True)
        if not all(math.isfinite(v) for v in (*cols, *rows)):
            raise ExtentOutsideError("The extent does not touch the scene.", self._where())
        row, col = _floor(min(rows)), _floor(min(cols))
        asked = Window(row, col, _ceil(max(rows)) - row, _ceil(max(cols)) - col)
        window = self.whole.intersection(asked)
        if not (window.height and window.width):
            raise ExtentOutsideError("The extent does not touch the scene.", self._where())
        return window

    def require_model_grid(self, pixel_size: float = 10.0) -> None:
        """Raise :class:`GridUnsuitableError` unless pixels are square, north up and near ``pixel_size`` metres."""
        if not self.crs:
            raise GridUnsuitableError(
                "The scene has no coordinate reference system.",
                "Set it in QGIS (Raster ▸ Projections ▸ Assign Projection) if you know it.",
            )
        x, y = self.pixel_size
        if not self.crs.is_projected:
            raise GridUnsuitableError(
                f"The scene is in degrees, not metres (a pixel is about {x:.1f} × {y:.1f} m).", _PREPARE
            )
        if not self.is_north_up:
            raise GridUnsuitableError("The scene's rows do not run from north to south: it is rotated.", _PREPARE)
        if abs(x / y - 1) > 0.01:
            raise GridUnsuitableError(f"The scene's pixels are not square: {x:.2f} × {y:.2f} m.", _PREPARE)
        ground = self.ground_pixel_size[0]
        if not abs(ground / pixel_size - 1) <= PIXEL_SIZE_TOLERANCE:
            raise GridUnsuitableError(
                f"The scene's pixels are {ground:.1f} m wide on the ground; the model was made for {pixel_size:g} m.",
                _PREPARE,
            )

    def _corners(self) -> tuple[tuple[int, int], ...]:
        return (0, 0), (self.width, 0), (0, self.height), (self.width, self.height)

    def _in_own_crs(self, extent: Extent, crs: str) -> Extent:
        xmin, ymin, xmax, ymax = extent
        if not (xmin < xmax and ymin < ymax):
            raise RequestError(
                f"The extent {xmin:g}, {ymin:g}, {xmax:g}, {ymax:g} has no area.", "Give xmin, ymin, xmax, ymax."
            )
        if not crs:
            return extent
        try:
            theirs = CRS.from_user_input(crs)
        except (CRSError, ValueError) as error:
            raise RequestError(f"“{crs}” is no known CRS.", "Give one such as EPSG:4326.") from error
        if theirs == self.crs:
            return extent
        if not self.crs:
            raise GridUnsuitableError(
                "The scene has no coordinate reference system, so the extent cannot be placed on it.",
                "Leave the extent's CRS empty to give it in the scene's own coordinates.",
            )
        try:
            left, bottom, right, top = transform_bounds(theirs, self.crs, *extent)
        except CRSError as error:
            raise ExtentOutsideError("The extent does not touch the scene.", self._where()) from error
        return left, bottom, right, top

    def _where(self) -> str:
        xmin, ymin, xmax, ymax = self.bounds
        name = self.crs.to_string() if self.crs else "no CRS"
        return f"The scene lies at {xmin:.6g}, {ymin:.6g}, {xmax:.6g}, {ymax:.6g} ({name})."


def _floor(value: float) -> int:
    return math.floor(value + EDGE_TOLERANCE)


def _ceil(value: float) -> int:
    return math.ceil(value - EDGE_TOLERANCE)

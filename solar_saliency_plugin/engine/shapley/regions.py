"""Ways to cut an image into regions: by likeness, by colour alone, on a grid, or as the user drew them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from rasterio.features import rasterize

from ...contract.errors import RequestError
from ..attribution.superpixels import COMPACTNESS, superpixels
from ..imagery.grid import Grid
from .game import batches
from .neighbours import touching

#: More regions than this are left as many as they are: joining takes the square of their number.
MOST_JOINED = 1500

#: Whether likeness is that of all bands, or of the first principal components.
COMPONENTS = 3

#: How much SLIC is asked for before regions are joined; how often Felzenszwalb's method and k-means are repeated.
_ASKED_FOR, _SCALES, _ROUNDS = (1.0, 1.15, 1.35, 1.6, 2.0, 3.0), 16, 30

#: Distances between pixels and clusters that are found at a time: some tenths of a second, 32 MB.
_DISTANCES = 4 * 10**6

#: Smallest region of Felzenszwalb's method, pixels, and how many times more regions than were asked for it may make:
#: without a bound it makes tens of thousands of noise.
_LEAST_PIXELS, _MORE = 2, 8


@dataclass(frozen=True)
class Image:
    """What is cut: reflectance (bands, H, W), the pixels that count (H, W), bool, and metres a pixel.

    components: likeness is that of the first principal components instead of all bands. check: raises where the user
    has cancelled.
    """

    reflectance: np.ndarray
    mask: np.ndarray
    pixel_size: tuple[float, float]
    components: bool = False
    check: Callable[[], None] = lambda: None

    @property
    def hectares(self) -> float:
        """Of the pixels that count."""
        return float(self.mask.sum()) * self.pixel_size[0] * self.pixel_size[1] / 1e4

    @property
    def seen(self) -> np.ndarray:
        """What likeness is found in: (bands or components, H, W)."""
        return principal(self.reflectance, self.mask) if self.components else self.reflectance


def cut(image: Image, how: str, count: int) -> np.ndarray:
    """Labels (H, W), int32, of ``count`` connected regions that fill the mask, −1 elsewhere; fewer if pixels lack.

    how: one of the contract's ``CUTS`` but "polygons". More regions are made than asked for; neighbours that are most
    alike are joined until the number is right.
    """
    count = min(count, int(image.mask.sum()))
    if count < 1:
        raise RequestError("There is nothing to cut into regions here.", "Draw a region where the scene holds data.")
    found = _MAKERS[how](image, count)
    return joined(found, image, count)


def joined(labels: np.ndarray, image: Image, count: int) -> np.ndarray:
    """Labels (H, W) of ``count`` regions: of two neighbours, those are joined that add least variance within.

    Ward: Hierarchical Grouping to Optimize an Objective Function (1963), among regions that touch; where none do, the
    smallest is joined to the one most alike.
    """
    present = int(labels.max()) + 1
    if present <= count or present > MOST_JOINED:
        return labels
    values = image.seen[:, image.mask]
    values = values / np.maximum(values.std(axis=1, keepdims=True), 1e-12)
    sizes = np.bincount(labels[image.mask], minlength=present).astype(np.float64)
    means = np.stack([np.bincount(labels[image.mask], band, present) for band in values], axis=1) / sizes[:, None]
    touch, owner = touching(labels, present), np.arange(present)
    cost = np.full((present, present), np.inf)
    for one, two in zip(*np.nonzero(np.triu(touch)), strict=True):
        cost[one, two] = _added(means, sizes, one)[two]
    for _ in range(present - count):
        image.check()
        if np.isinf(cost).all():  # nothing touches any more: what is left are islands
            touch = (sizes[:, None] > 0) & (sizes > 0) & ~np.eye(present, dtype=bool)
            cost = np.stack([np.where(touch[one], _added(means, sizes, one), np.inf) for one in range(present)])
        one, two = np.unravel_index(np.argmin(cost), cost.shape)
        means[one] = (means[one] * sizes[one] + means[two] * sizes[two]) / (sizes[one] + sizes[two])
        sizes[one], sizes[two] = sizes[one] + sizes[two], 0
        touch[one] |= touch[two]
        touch[:, one] |= touch[:, two]
        touch[one, one] = touch[two] = touch[:, two] = False
        owner[owner == two] = one
        cost[two] = cost[:, two] = np.inf
        cost[one] = cost[:, one] = np.inf
        cost[one] = np.where(touch[one], _added(means, sizes, int(one)), np.inf)
    return _counted(np.where(labels >= 0, owner[labels], -1))


def _added(means: np.ndarray, sizes: np.ndarray, one: int) -> np.ndarray:
    """How much variance joining region ``one`` with each other adds, (n,)."""
    apart = np.square(means - means[one]).sum(axis=1)
    found: np.ndarray = apart * sizes * sizes[one] / np.maximum(sizes + sizes[one], 1)
    return found


def principal(reflectance: np.ndarray, mask: np.ndarray, count: int = COMPONENTS) -> np.ndarray:
    """The first principal components (count, H, W) of the standardised bands at the mask's pixels; 0 elsewhere."""
    values = reflectance[:, mask].astype(np.float64)
    values = (values - values.mean(axis=1, keepdims=True)) / np.maximum(values.std(axis=1, keepdims=True), 1e-12)
    vectors = np.linalg.eigh(values @ values.T)[1][:, ::-1][:, :count]
    vectors = vectors * np.where(vectors.sum(axis=0) < 0, -1, 1)  # the sign of an eigenvector means nothing
    found = np.zeros((vectors.shape[1], *mask.shape), np.float32)
    found[:, mask] = vectors.T @ values
    return found


def of_polygons(
    polygons: Sequence[shapely.Geometry], grid: Grid, mask: np.ndarray, check: Callable[[], None] = lambda: None
) -> np.ndarray:
    """Labels (H, W), int32, by which polygon (in the grid's CRS) holds a pixel's centre; −1 where none does.

    Of polygons that overlap, the later one has the pixel. Those that hold no centre have no number left out: names
    are kept, so a label is the polygon's number.
    """
    check()
    labels = np.full(mask.shape, -1, np.int32)
    if len(polygons):
        shapes = [(polygon, number) for number, polygon in enumerate(polygons)]
        labels = rasterize(shapes, mask.shape, fill=-1, transform=grid.transform, dtype="int32")
    return np.where(mask, labels, -1).astype(np.int32)


def _slic(image: Image, count: int) -> np.ndarray:
    """SLIC, asked for more regions, and for more compact ones, until it gives enough; squares where it never does."""
    for compactness in (COMPACTNESS, 10 * COMPACTNESS):
        for more in _ASKED_FOR:
            image.check()
            size = image.hectares / (count * more)
            found = superpixels(image.seen, image.mask, size, image.pixel_size, compactness)
            if found.max() + 1 >= count:
                return found
    return _grid(image, count)


def _felzenszwalb(image: Image, count: int) -> np.ndarray:
    """Felzenszwalb, Huttenlocher: Efficient Graph-Based Image Segmentation (2004), the coarsest that has enough."""
    from skimage.segmentation import felzenszwalb

    values = _unit(image)
    more = min(_MORE, max(2, MOST_JOINED // count))
    smallest = max(_LEAST_PIXELS, int(image.mask.sum()) // (more * count))
    for step in range(_SCALES):
        image.check()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it wonders at more than three bands
            cut_up = felzenszwalb(np.moveaxis(values, 0, -1), scale=30.0 * 0.6**step, sigma=0.0, min_size=smallest)
        found = _pieces(cut_up, image.mask)
        if found.max() + 1 >= count:
            return found
    return _slic(image, count)


def _grid(image: Image, count: int) -> np.ndarray:
    """Squares that are as large as they can be while there are enough of them."""
    rows, cols = (np.flatnonzero(image.mask.any(axis=axis)) for axis in (1, 0))
    top, left = rows[0], cols[0]
    row, col = np.indices(image.mask.shape)
    side = float(np.sqrt(image.mask.sum() / count)) * 1.5
    while True:
        number = ((row - top) // side).astype(np.int64) * 100_000 + ((col - left) // side).astype(np.int64)
        found = _pieces(number, image.mask)
        if found.max() + 1 >= count or side < 1:
            return found
        side *= 0.97


def _spectra(image: Image, count: int) -> np.ndarray:
    """k-means on spectra, seeded evenly along the first principal component; k is how many there are to be."""
    values = _unit(image)[:, image.mask].T
    order = np.argsort(values @ np.linalg.svd(values, full_matrices=False)[2][0], kind="stable")
    seeds = values[order[np.linspace(0, len(order) - 1, count).round().astype(int)]]
    for _ in range(_ROUNDS):
        cluster = _nearest(values, seeds, image.check)
        sizes = np.bincount(cluster, minlength=count)
        sums = np.stack([np.bincount(cluster, band, count) for band in values.T], axis=1)
        # Of clusters that lose all their pixels there are fewer, that is all.
        seeds = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], seeds)
    found = np.full(image.mask.shape, -1, np.int32)
    found[image.mask] = cluster
    return _counted(found)


def _nearest(values: np.ndarray, centres: np.ndarray, check: Callable[[], None]) -> np.ndarray:
    """Which of centres (k, bands) is nearest to each of values (n, bands), (n,); some at a time.

    SciPy keeps all distances in memory, and hears nothing meanwhile: of a large region, gigabytes and seconds.
    """
    from scipy.cluster.vq import vq

    found = np.empty(len(values), np.int64)
    for some in batches(len(values), max(1, _DISTANCES // len(centres))):
        check()
        found[some] = vq(values[some], centres, check_finite=False)[0]
    return found


def _unit(image: Image) -> np.ndarray:
    """(bands, H, W): minus the mean, over the spread, over √bands, 0 outside the mask."""
    seen = image.seen.astype(np.float64)
    values = seen[:, image.mask]
    mean, spread = values.mean(axis=1), np.maximum(values.std(axis=1), 1e-12)
    scaled = np.clip((seen - mean[:, None, None]) / spread[:, None, None], -3, 3) / np.sqrt(len(seen))
    return np.where(image.mask, scaled, 0.0)


def _pieces(numbers: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Labels of connected pieces (by edges) of equal numbers within the mask."""
    from skimage.measure import label

    marked = np.where(mask, numbers - numbers.min() + 1, 0)
    found: np.ndarray = label(marked, background=0, connectivity=1)  # type: ignore[no-untyped-call]  # it has no types
    return (found - 1).astype(np.int32)


def _counted(labels: np.ndarray) -> np.ndarray:
    """Labels without gaps, int32, in the order of their numbers; −1 stays."""
    found = np.full(labels.shape, -1, np.int32)
    found[labels >= 0] = np.unique(labels[labels >= 0], return_inverse=True)[1]
    return found


_MAKERS: dict[str, Callable[[Image, int], np.ndarray]] = {
    "slic": _slic,
    "felzenszwalb": _felzenszwalb,
    "grid": _grid,
    "spectra": _spectra,
}

"""Windows: what the tiled result's equality with the untiled one rests on."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from solar_saliency_plugin.engine.imagery.grid import Window
from solar_saliency_plugin.engine.imagery.windows import tiles


@st.composite
def cuttings(draw: st.DrawFn) -> tuple[Window, int, int, int, int, int]:
    height, width = draw(st.integers(1, 90)), draw(st.integers(1, 90))
    row, col = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    area = Window(row, col, draw(st.integers(1, height - row)), draw(st.integers(1, width - col)))
    return area, height, width, draw(st.integers(1, 50)), draw(st.integers(0, 30)), draw(st.sampled_from([1, 2, 4, 8]))


@given(cuttings())
def test_cores_partition_the_area(cutting: tuple[Window, int, int, int, int, int]) -> None:
    area, height, width, core, halo, stride = cutting
    times = np.zeros((height, width), int)
    for tile in tiles(area, height, width, core, halo, stride):
        times[tile.core.rows, tile.core.cols] += 1
        assert max(tile.core.height, tile.core.width) <= core
    expected = np.zeros_like(times)
    expected[area.rows, area.cols] = 1
    assert np.array_equal(times, expected)


@given(cuttings())
def test_reads_hold_the_halo_and_stay_in_the_scene(cutting: tuple[Window, int, int, int, int, int]) -> None:
    area, height, width, core, halo, stride = cutting
    for tile in tiles(area, height, width, core, halo, stride):
        for read, kept, length in ((tile.read.rows, tile.core.rows, height), (tile.read.cols, tile.core.cols, width)):
            assert 0 <= read.start <= max(0, kept.start - halo)
            assert min(length, kept.stop + halo) <= read.stop <= length


@given(cuttings())
def test_reads_lie_on_the_stride_except_at_the_scenes_end(cutting: tuple[Window, int, int, int, int, int]) -> None:
    area, height, width, core, halo, stride = cutting
    for tile in tiles(area, height, width, core, halo, stride):
        for read, length in ((tile.read.rows, height), (tile.read.cols, width)):
            assert read.start % stride == 0
            assert read.stop % stride == 0 or read.stop == length


@given(cuttings())
def test_reads_hold_no_more_than_halo_and_stride_ask(cutting: tuple[Window, int, int, int, int, int]) -> None:
    area, height, width, core, halo, stride = cutting
    for tile in tiles(area, height, width, core, halo, stride):
        assert tile.core.row - tile.read.row < halo + stride
        assert tile.read.rows.stop - tile.core.rows.stop < halo + stride


@given(cuttings(), st.integers(0, 60))
def test_reads_are_as_long_as_asked_where_the_scene_is(
    cutting: tuple[Window, int, int, int, int, int], least: int
) -> None:
    area, height, width, core, halo, stride = cutting
    usual = tiles(area, height, width, core, halo, stride)
    for tile, before in zip(tiles(area, height, width, core, halo, stride, least), usual, strict=True):
        assert tile.core == before.core
        for read, shorter, length in (
            (tile.read.rows, before.read.rows, height),
            (tile.read.cols, before.read.cols, width),
        ):
            assert read.stop - read.start >= min(least, length)
            assert 0 <= read.start <= shorter.start and shorter.stop <= read.stop <= length
            assert read.start % stride == 0

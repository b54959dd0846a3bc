"""What a change does is found on small crops, and equals what it does to the whole window."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solar_saliency_plugin.engine.attribution.changes import Changes, around_target, part, seen_by_target
from solar_saliency_plugin.engine.attribution.view import View
from solar_saliency_plugin.engine.imagery.grid import Window
from solar_saliency_plugin.engine.models.registry import Model


@pytest.fixture(scope="module", params=["shipped_model", "wide_model", "linear_model"])
def model(request: pytest.FixtureRequest) -> Model:
    return request.getfixturevalue(request.param)


def _by_whole_windows(view: View, boxes: list[Window]) -> np.ndarray:
    images = view.reflectance.repeat(len(boxes), 1, 1, 1)
    for image, box in zip(images, boxes, strict=True):
        image[:, box.rows, box.cols] = view.baselines[0, :, box.rows, box.cols]
    every = view.scores(lambda start, stop: images[start:stop], len(boxes), "")
    return (view.scores(lambda start, stop: view.reflectance, 1, "") - every).numpy()


def _everything(index: int, crop: Window, boxes: list[Window]) -> torch.Tensor:
    box = boxes[index].intersection(crop)
    mask = torch.zeros(1, crop.height, crop.width, dtype=torch.bool)
    mask[:, box.row - crop.row : box.rows.stop - crop.row, box.col - crop.col : box.cols.stop - crop.col] = True
    return mask


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_crops_give_what_whole_windows_give(view_of: Callable[..., View], model: Model, data: st.DataObject) -> None:
    rows, cols = data.draw(st.integers(40, 90)), data.draw(st.integers(40, 90))
    draw_box = st.builds(
        lambda row, col, height, width: Window(row, col, min(height, rows - row), min(width, cols - col)),
        st.integers(0, rows - 1),
        st.integers(0, cols - 1),
        st.integers(1, 9),
        st.integers(1, 9),
    )
    target, boxes = data.draw(draw_box), data.draw(st.lists(draw_box, min_size=1, max_size=6))
    view = view_of(model, rows, cols, target=(target.rows, target.cols))
    found = Changes(view, boxes).differences(lambda index, crop: _everything(index, crop, boxes), "")
    expected = _by_whole_windows(view, boxes)
    np.testing.assert_allclose(found.values, expected, atol=1e-5 * max(1.0, np.abs(expected).max()))


def test_changes_that_no_answer_sees_cost_nothing(view_of: Callable[..., View], shipped_model: Model) -> None:
    view = view_of(shipped_model, 60, 60, target=(slice(28, 32), slice(28, 32)))
    halo = view.network.halo
    near, far = Window(32 + halo - 1, 28, 2, 2), Window(32 + halo, 28, 2, 2)
    assert Changes(view, [near, far]).asked == 1


def test_changes_that_change_nothing_cost_nothing(view_of: Callable[..., View], shipped_model: Model) -> None:
    view = view_of(shipped_model)
    view = view_of(shipped_model, baselines=view.reflectance.clone())
    found = Changes(view, [Window(10, 10, 4, 4)]).differences(lambda index, crop: torch.ones(1, 1, 1) > 0, "")
    assert found.asked == 0 and found.values.tolist() == [0.0]


def test_what_the_target_sees_is_where_its_gradient_can_be(view_of: Callable[..., View], wide_model: Model) -> None:
    view = view_of(wide_model, 90, 80, target=(slice(0, 3), slice(40, 41)))
    seen = seen_by_target(view)
    halo = view.network.halo
    expected = torch.zeros_like(seen)
    expected[: 3 + halo, max(0, 40 - halo) : 41 + halo] = True
    assert torch.equal(seen, expected)
    gradient = view.gradient(view.reflectance)[0].abs().sum(dim=0)
    assert not gradient[~seen].any()


def test_the_part_around_the_target_gives_its_answer(view_of: Callable[..., View], model: Model) -> None:
    view = view_of(model, 120, 110, target=(slice(70, 75), slice(20, 28)))
    crop = around_target(view)
    inner = part(view, crop)
    assert inner.shape < view.shape and (inner.row, inner.col) == (crop.row, crop.col)
    assert inner.score(inner.reflectance).item() == pytest.approx(view.score(view.reflectance).item(), abs=1e-5)

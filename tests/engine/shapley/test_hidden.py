"""Which players a baseline hides: those that another one shows to count, and that here hardly seem to."""

import numpy as np

from solar_saliency_plugin.engine.shapley.answer import Seen, hidden_by

PIXELS = np.array([40, 30, 2])


def _seen(*phi: float, contrast: float = 1.0, certain: bool = True) -> Seen:
    return Seen(np.array(phi), np.full(3, certain), np.full(3, contrast))


def test_a_player_is_hidden_where_it_hardly_has_a_value_that_it_has_elsewhere() -> None:
    soil, mean = hidden_by([_seen(2.0, 3.0, -1.0), _seen(0.01, 4.0, -1.0)], PIXELS, None)
    assert mean.tolist() == [True, False, False] and not soil.any()


def test_a_baseline_that_hides_everybody_is_found_out() -> None:
    """Everybody still has a share of what little it tells."""
    soil, mean = hidden_by([_seen(2.0, 3.0, -1.0), _seen(0.01, 0.02, -0.01)], PIXELS, None)
    assert mean.all() and not soil.any()


def test_noise_of_a_baseline_that_tells_little_does_not_make_players_count() -> None:
    soil, mean = hidden_by([_seen(2.0, 0.0, -1.0), _seen(0.0, 0.02, -0.01)], PIXELS, None)
    assert not soil.any() and mean.tolist() == [True, False, True]


def test_who_is_not_certain_elsewhere_is_not_called_hidden() -> None:
    _, mean = hidden_by([_seen(2.0, 3.0, -1.0, certain=False), _seen(0.0, 0.0, 0.0)], PIXELS, None)
    assert not mean.any()


def test_alone_a_baseline_hides_who_looks_like_it_but_for_the_smallest_and_the_rest() -> None:
    (faint,) = hidden_by([_seen(2.0, 3.0, -1.0, contrast=0.05)], PIXELS, None)
    assert faint.tolist() == [True, True, False]
    (faint,) = hidden_by([_seen(2.0, 3.0, -1.0, contrast=0.05)], PIXELS, 1)
    assert faint.tolist() == [True, False, False]

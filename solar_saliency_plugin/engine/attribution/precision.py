"""Views in 64 bits, for methods that divide by small differences or sum what cancels.

In 32 bits the rounding of convolutions, which depends on the window's size, would show in the sixth digit.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from .view import View


def in_double(view: View) -> View:
    """The view with a copy of the network in 64 bits, which stops when the view's network is asked to.

    A network of the user's own may hold constants of 32 bits anywhere: its view comes back as it is. In 64 bits it is
    with channels last that PyTorch rounds a pixel in the same way wherever it lies: the equal values of a constant
    baseline stay equal, and max pooling takes the same one in any window.
    """
    if not view.network.is_ours:
        return view
    network = copy.copy(view.network)
    # The hooks that stop a network are its own methods: copied hooks are to stay those of the network that is asked.
    memo: dict[int, Any] = {id(view.network): view.network}
    network.module = copy.deepcopy(view.network.module, memo).double()
    network.make_fast()
    return replace(
        view,
        network=network,
        reflectance=network.laid_out(view.reflectance.double()),
        baselines=network.laid_out(view.baselines.double()),
        weights=view.weights.double(),
    )

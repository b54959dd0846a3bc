"""GradCAM and guided GradCAM: what a layer shows, channels weighted by how much the answer asks for them.

Ours, since a scene's channel weights come from all its windows, and cells must lie where their pixels lie.
"""

from __future__ import annotations

import torch

from .layers import Layer, Watch, chosen_layer, on_pixels
from .modified_backprop import guided_backprop
from .precision import in_double
from .view import Attribution, Settings, View

Core = tuple[slice, slice]


def settle_layer(view: View, settings: Settings) -> Settings:
    """The settings with the layer's name in them; RequestError where there is no such layer."""
    return {**settings, "layer": chosen_layer(view, settings)[0]}


def channel_gradients(view: View, settings: Settings, core: Core | None = None) -> torch.Tensor:
    """∂S/∂A, (channels + 1,), float64, summed over the layer's cells that begin in ``core``; last, how many these are.

    ``core`` are rows and columns of the window; none: all of it.
    """
    view = in_double(view)
    _, layer = chosen_layer(view, settings)
    return _gathered(view, layer, core)[1]


def gradcam(view: View, settings: Settings) -> Attribution:
    """ReLU(Σ_c w_c A_c) on the image's grid, (1, H, W); w_c is the mean over the scene of ∂S/∂A_c (Selvaraju 2017)."""
    view = in_double(view)
    name, layer = chosen_layer(view, settings)
    gathered = view.gathered
    if gathered is None:
        activations, gathered = _gathered(view, layer, None)
    else:
        activations = _activations(view, layer)
    weights = (gathered[:-1] / gathered[-1]).to(activations)
    cells = torch.relu((activations * weights[:, None, None]).sum(dim=0))
    if view.whole and not bool(cells.any()):
        view.job.warn(f"GradCAM is 0 everywhere: all that the layer “{name}” shows speaks against. Try another layer.")
    view.job.progress(1.0, "GradCAM")
    return Attribution(on_pixels(cells, layer.cell, view.shape)[None], 1, {"layer": f"{name} ({layer.text})"})


def guided_gradcam(view: View, settings: Settings) -> Attribution:
    """:func:`gradcam` times guided backpropagation, (bands, H, W)."""
    coarse, fine = gradcam(view, settings), guided_backprop(view, {})
    return Attribution(coarse.values * fine.values, coarse.evaluations + fine.evaluations, coarse.facts)


def _gathered(view: View, layer: Layer, core: Core | None) -> tuple[torch.Tensor, torch.Tensor]:
    """The layer's activations (channels, h, w), and what :func:`channel_gradients` says."""
    with torch.enable_grad(), Watch({"": layer.module}) as seen:
        # Without a gradient at the input nothing would be kept of how the answer came from the layer.
        answer = view.score(view.reflectance.clone().requires_grad_(True))
        (activations,) = seen.values()
        (gradient,) = torch.autograd.grad(answer.sum(), activations, allow_unused=True)
    gradient = torch.zeros_like(activations) if gradient is None else gradient
    rows, cols = core or (slice(0, view.shape[0]), slice(0, view.shape[1]))
    cells = gradient[0, :, _begun(rows, layer.cell), _begun(cols, layer.cell)].double()
    count = torch.tensor([cells[0].numel()], dtype=torch.float64, device=cells.device)
    return activations[0].detach(), torch.cat((cells.sum(dim=(1, 2)), count))


def _begun(pixels: slice, cell: int) -> slice:
    """The cells whose first pixel is among ``pixels``: cores that share no pixel share no cell."""
    return slice(-(-pixels.start // cell), -(-pixels.stop // cell))


def _activations(view: View, layer: Layer) -> torch.Tensor:
    with torch.inference_mode(), Watch({"": layer.module}) as seen:
        view.answers(view.reflectance)
        return seen[""][0]

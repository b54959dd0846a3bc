"""DeepLIFT (rescale rule) against one baseline, and its mean over several: captum's, with its sum checked each time.

Captum's is silently wrong on networks whose activations are no modules, that hold one it has no rule for, or whose
pooling shares its input with a skip connection. All of these show in one number: the contributions then do not add up
to S(x) − S(x′). So no map is given out that fails this. Batches larger than 1 are avoided (captum's issue #1276). It
runs in 64 bits where that is possible: its multipliers are quotients of differences.
"""

from __future__ import annotations

import warnings

import torch
from captum.attr import DeepLift
from torch import nn

from ...contract.errors import MethodUnsuitableError
from ..models.foreign import ForeignNetwork
from .precision import in_double
from .quality import completeness_error
from .view import Attribution, Settings, View

#: By how much the contributions may miss the difference that they should add up to: :func:`.completeness_error`.
TOLERANCE = 1e-4

#: Rounding of S in 32 bits, as a share of the sum of its terms' absolute values.
ROUNDING = 1e-6

_TITLE = "DeepLIFT"


def deeplift(view: View, settings: Settings) -> Attribution:
    """φ = (x − x′) · m, the multipliers m by the rescale rule (Shrikumar et al. 2017). Two evaluations: x and x′."""
    values = _against(view, 0)
    view.job.progress(1.0, _TITLE)
    return Attribution(values, 2)


def deeplift_shap(view: View, settings: Settings) -> Attribution:
    """Mean of :func:`deeplift` over the baselines (Lundberg, Lee 2017); it adds up to S(x) − mean S(x′)."""
    count = len(view.baselines)
    if count == 1:
        view.job.warn(
            "DeepLIFT SHAP is a mean over several baselines; with one it is DeepLIFT. The baseline “surroundings” has "
            "several."
        )
    total = torch.zeros_like(view.reflectance[0], dtype=torch.float64)
    for index in range(count):
        total += _against(view, index)
        view.job.progress((index + 1) / count, f"{_TITLE} SHAP: baseline {index + 1} of {count}")
    return Attribution(total / count, 2 * count)


def _against(view: View, index: int) -> torch.Tensor:
    """DeepLIFT's map (bands, H, W) against one baseline; MethodUnsuitableError where it does not add up."""
    refuse_one_by_one(view, "Use integrated gradients, or save the network with a batch of any size.")
    view = in_double(view)
    scorer = _Scorer(view)
    reflectance = view.reflectance.clone().requires_grad_(True)
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")  # captum says that it sets hooks
        attribution = DeepLift(scorer).attribute(reflectance, view.baselines[index : index + 1])
    values: torch.Tensor = attribution[0].detach()
    _require_complete(values, scorer.terms)
    return values


class _Scorer(nn.Module):
    """S as captum wants it: (N, bands, H, W) → (N,). Unlike the view's, its sigmoid is a module that rules apply to.

    terms: the weighted answers (N, H, W) of the last call, float64, of which S is the sum.
    """

    def __init__(self, view: View) -> None:
        super().__init__()
        self.network = view.network.module
        self.last = nn.Sigmoid() if view.quantity == "probability" else nn.Identity()
        self.terms = torch.zeros(0)
        self._view = view

    def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
        self._view.job.check()
        terms = self.last(self._view.network.logits(reflectance)) * self._view.weights
        self.terms = terms.detach().double()
        total: torch.Tensor = terms.sum(dim=(1, 2))
        return total


def _require_complete(values: torch.Tensor, terms: torch.Tensor) -> None:
    """Raise unless ``values`` (bands, H, W) add up to the difference of S, whose terms for x and x′ are (2, H, W)."""
    difference = float(terms[0].sum() - terms[1].sum())
    found = float(values.double().sum())
    error = completeness_error(found, difference, float(values.double().abs().sum()))
    # Not “error > tolerance”: what is not a number is no sum either.
    if error <= TOLERANCE or abs(found - difference) <= ROUNDING * float(terms.abs().sum()):
        return
    raise MethodUnsuitableError(
        f"DeepLIFT's contributions add up to {found:.4g} instead of {difference:.4g}: the network holds something that "
        "DeepLIFT has no rule for, and the map would be wrong.",
        "Use integrated gradients, which needs no rules.",
    )


def refuse_one_by_one(view: View, instead: str) -> None:
    """DeepLIFT compares image and baseline inside each module: it needs both in one batch."""
    if isinstance(view.network.module, ForeignNetwork) and view.network.module.one_by_one:
        raise MethodUnsuitableError(
            "DeepLIFT shows the network image and baseline together, and this network takes one image at a time.",
            instead,
        )

"""The network family: a U-Net that attribution methods can explain.

Four rules make it explainable: every ReLU is a module of its own, the pooling's input is not the tensor that the
skip connection holds, decoders repeat and convolve instead of transposing a convolution, and the output is a logit.
A spectral stem of 1×1 convolutions comes first: what a pixel is made of is learned before what surrounds it, and with
``depth`` 0 and few 3×3 convolutions nearly all of the network is spectral.
"""

from collections.abc import Sequence

import torch
from torch import nn


class Normalisation(nn.Module):
    """Reflectance (N, bands, H, W) minus ``mean``, over ``std``, band by band.

    The statistics belong to the model's card, so they are no part of the weights.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        shape = (1, len(mean), 1, 1)
        self.register_buffer("mean", torch.tensor(list(mean), dtype=torch.float32).reshape(shape), persistent=False)
        self.register_buffer("std", torch.tensor(list(std), dtype=torch.float32).reshape(shape), persistent=False)

    def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
        """Normalised values, same shape."""
        return (reflectance - self.mean) / self.std


def _block(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU; size kept by zero padding."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def _level(inputs: int, outputs: int, convolutions: int) -> nn.Sequential:
    """``convolutions`` blocks of 3×3 convolutions."""
    return nn.Sequential(*(_block(inputs if i == 0 else outputs, outputs, 3) for i in range(convolutions)))


class UNet(nn.Module):
    """Reflectance (N, bands, H, W), float32 → logits (N, 1, H, W); any H and W from 1, odd ones too.

    stem: widths of the 1×1 convolutions, at least one. width: channels of the first level, doubled at each further one.
    depth: how often the grid is halved; 0 means no pooling. convolutions: 3×3 convolutions in each level; with depth 0
    it may be 0, which gives a purely spectral network.

    Windows give the same logits as the whole image where they start on multiples of ``stride`` and lie
    ``receptive_field.measure`` pixels inside (or at the image's edge).
    """

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        *,
        stem: Sequence[int],
        width: int,
        depth: int,
        convolutions: int,
    ) -> None:
        super().__init__()
        if not stem or (depth and not convolutions):
            raise ValueError("a stem, and 3×3 convolutions where there are levels, are needed")
        self.stride = 2**depth
        self.normalisation = Normalisation(mean, std)
        inputs = [len(mean), *stem]
        self.stem = nn.Sequential(*(_block(i, o, 1) for i, o in zip(inputs, stem, strict=False)))
        widths = [width * 2**level for level in range(depth + 1)]
        self.encoder = nn.ModuleList(
            _level(i, o, convolutions) for i, o in zip([stem[-1], *widths], widths, strict=False)
        )
        self.pools = nn.ModuleList(nn.MaxPool2d(2, ceil_mode=True) for _ in range(depth))
        self.rises = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), *_block(2 * w, w, 3)) for w in widths[:-1]
        )
        self.decoder = nn.ModuleList(_level(2 * w, w, convolutions) for w in widths[:-1])
        self.head = nn.Conv2d(width if convolutions else stem[-1], 1, 1)

    def forward(self, reflectance: torch.Tensor) -> torch.Tensor:
        """Logits (N, 1, H, W) of reflectance (N, bands, H, W)."""
        features = self.stem(self.normalisation(reflectance))
        skips = []
        for level, pool in zip(self.encoder, self.pools, strict=False):
            skip = level(features)
            skips.append(skip)
            # A clone: DeepLift's rule for max pooling is lost where pool and skip share one tensor.
            features = pool(skip.clone())
        features = self.encoder[-1](features)
        for rise, level, skip in reversed(list(zip(self.rises, self.decoder, skips, strict=True))):
            risen = rise(features)[..., : skip.shape[-2], : skip.shape[-1]]
            features = level(torch.cat((skip, risen), dim=1))
        logits: torch.Tensor = self.head(features)
        return logits

"""Trying a network of the user's own on images before it is installed, and writing its card.

Whatever a card promises of our own networks is found out here by running the network: the bands and sizes that it
takes, the shape and range of its answers, how far it sees. What cannot be found out (its units, its training) the user
says.
"""

import platform
from dataclasses import dataclass
from math import lcm
from typing import Any

import torch
from torch import nn

from ...contract.errors import ModelInvalidError, RequestError
from ...contract.model import InstallModelRequest
from ...contract.version import PLUGIN_VERSION
from ..imagery.bands import BANDS
from ..job import Job
from . import receptive_field
from .activations import with_activation_modules
from .card import Card
from .foreign import ForeignNetwork, format_of, image, in_a_line, open_program, plain, same_every_time

#: Squares that are tried on networks that take only one size and do not say which, in pixels; the likeliest first.
SQUARES = (256, 224, 128, 512, 320, 384, 192, 160, 96, 64, 32, 240, 288, 299, 300, 200, 100, 120)

#: Size of the windows of a network that looks at whole windows of any size, where its sample input does not tell.
USUAL_SIDE = 256

#: Share of a window's side that is not used at each edge, where the network looks at its whole window.
MARGIN = 1 / 8

#: Mean and spread of the reflectance of land, for filling in pixels without data and for trying networks: our model's
#: training data, rounded (bands that it does not see: their neighbours').
_LAND = {
    "B01": (0.10, 0.12),
    "B02": (0.11, 0.13),
    "B03": (0.12, 0.12),
    "B04": (0.12, 0.13),
    "B05": (0.15, 0.13),
    "B06": (0.25, 0.14),
    "B07": (0.29, 0.15),
    "B08": (0.29, 0.16),
    "B8A": (0.31, 0.16),
    "B09": (0.31, 0.16),
    "B10": (0.01, 0.01),
    "B11": (0.20, 0.10),
    "B12": (0.13, 0.09),
}


@dataclass(frozen=True)
class Settings:
    """What the user says of a network of their own."""

    format: str
    name: str
    bands: tuple[str, ...]
    scale: float
    gives: str
    level: str
    threshold: float
    source: str
    summary: str = ""

    @classmethod
    def of_request(cls, request: InstallModelRequest, network: bytes, file_name: str) -> "Settings":
        """The settings in a request, for the network in a file of that name; nothing of it is deserialised."""
        return cls(
            format=format_of(network, file_name),
            name=request.name or "network",
            bands=_bands(request.network_bands),
            scale=request.network_scale,
            gives=request.network_gives,
            level=request.network_level,
            threshold=request.network_threshold,
            source=f"a network of the user's own, from the file {file_name}",
        )

    @classmethod
    def of_card(cls, card: Card) -> "Settings":
        """The settings in the card of a network that was installed before; what was measured then is not believed."""
        return cls(
            format=card.architecture["format"],
            name=card.name,
            bands=card.bands,
            scale=card.architecture["scale"],
            gives=card.architecture["gives"],
            level=card.level,
            threshold=card.threshold,
            source=str(card.training.get("source", "unknown")),
            summary=card.summary,
        )


def try_network(network: bytes, settings: Settings, job: Job) -> Card:
    """The card of a network that was found usable. Opening it runs it: only for bytes that the user trusts.

    Raises :class:`ModelInvalidError` that says what is wrong, for one that is not.
    """
    with same_every_time():
        return _tried(network, settings, job)


def _tried(network: bytes, settings: Settings, job: Job) -> Card:
    job.progress(0.05, "Opening the network")
    program = open_program(network, settings.format)
    architecture = _Sizes(program, settings).architecture(job)
    job.progress(0.25, "Trying the network")
    given = _land(settings, *_some_size(architecture))
    _require_quiet(program, given * settings.scale)
    _require_sensible_answers(program, settings, given * settings.scale, job)
    architecture["one_by_one"] = not _takes_batches(program, given * settings.scale)
    program = plain(program)
    rewritten, complete = with_activation_modules(program)
    if complete and torch.equal(rewritten(given * settings.scale), program(given * settings.scale)):
        program, architecture["activations"] = rewritten, "modules"
    job.progress(0.4, "Measuring how far the network sees")
    found = receptive_field.measure_foreign(_foreign(program, architecture), len(settings.bands), job.check)
    job.progress(0.8, "Checking that windows fit together")
    architecture, reach, stride = _windows(program, settings, architecture, found)
    return _card(settings, architecture, reach, stride, program, job)


def _foreign(program: nn.Module, architecture: dict[str, Any]) -> ForeignNetwork:
    return ForeignNetwork(program, architecture).eval()


def _bands(text: str) -> tuple[str, ...]:
    bands = tuple(part.strip().upper() for part in text.replace(";", ",").split(",") if part.strip())
    unknown = next((band for band in bands if band not in BANDS), "")
    if unknown:
        raise RequestError(f"“{unknown}” is no Sentinel-2 band.", f"Bands are called {', '.join(BANDS)}.")
    if not bands or len(set(bands)) < len(bands):
        raise RequestError("The network's bands are missing or named twice.", "Name each once, in the network's order.")
    return bands


def _land(settings: Settings, height: int, width: int, seed: int = 0) -> torch.Tensor:
    """An image (1, bands, height, width) that has the reflectance of land, rough and with edges."""
    random = torch.Generator().manual_seed(seed)
    mean, spread = (torch.tensor([_LAND[band][i] for band in settings.bands])[:, None, None] for i in (0, 1))
    # Fields of 8 × 8 pixels that differ as a whole, and noise on them.
    fields = torch.randn(-(-height // 8), -(-width // 8), generator=random)
    fields = fields.repeat_interleave(8, 0).repeat_interleave(8, 1)[:height, :width]
    noise = torch.randn(len(settings.bands), height, width, generator=random)
    return (mean + spread * (0.7 * fields + 0.3 * noise)).clamp(1e-4, 1.2)[None]


def _some_size(architecture: dict[str, Any]) -> tuple[int, int]:
    if architecture["size"]:
        height, width = architecture["size"]
        return height, width
    side = -(-128 // architecture["multiple"]) * architecture["multiple"]
    side = max(min(side, architecture["maximum"]), architecture["minimum"])
    return side, side


class _Sizes:
    """Which sizes of windows a network takes, by trying."""

    def __init__(self, program: nn.Module, settings: Settings) -> None:
        self._program = program
        self._settings = settings
        self._said: Exception | None = None

    def architecture(self, job: Job) -> dict[str, Any]:
        """The card's architecture, as far as sizes are concerned."""
        size: tuple[int, ...] = ()
        multiple = minimum = maximum = 1
        stated = _stated_size(self._program)
        if stated and self._takes(*stated):
            size = stated
        else:
            multiple = next((m for m in (1, 2, 4, 8, 16, 32) if self._takes_multiples_of(m, job)), 0)
            if multiple:
                minimum = next(n * multiple for n in (1, 2, 4, 8, 16, 32, 64, 128) if self._takes(*2 * (n * multiple,)))
                maximum = self._maximum(multiple, minimum)
            else:
                size = next(((side, side) for side in SQUARES if self._takes(side, side, job)), ())
                if not size:
                    raise self._refusal()
        return {
            "family": "exported",
            "format": self._settings.format,
            "gives": self._settings.gives,
            "scale": self._settings.scale,
            "size": size,
            "multiple": multiple or 1,
            "minimum": minimum,
            "maximum": max(maximum, *size, minimum),
            "one_by_one": True,
            "local": True,
            "margin": 0,
            "activations": "inside",
        }

    def _takes_multiples_of(self, multiple: int, job: Job) -> bool:
        # Odd multiples, so that nothing larger divides them, and no square.
        rows, columns = (-(-side // multiple) | 1 for side in (96, 160))
        return self._takes(rows * multiple, columns * multiple, job)

    def _maximum(self, multiple: int, minimum: int) -> int:
        """The largest side that is used: what was tried, not what might be possible."""
        other = max(-(-128 // multiple) * multiple, minimum)
        for side in (1024, 768, 512, 384, 256):
            side = side // multiple * multiple
            if self._takes(side, other) and self._takes(other, side):
                return side
        return max(-(-96 // multiple) * multiple, minimum)

    def _takes(self, height: int, width: int, job: Job | None = None) -> bool:
        if job is not None:
            job.progress(0.1, f"Trying the network on {height} × {width} pixels")
        given = _land(self._settings, height, width) * self._settings.scale
        try:
            with torch.no_grad():
                image(self._program(given), given)
        except Exception as error:  # a foreign program can raise anything
            # That an answer is no image says more than that some size was not taken.
            if not isinstance(self._said, ModelInvalidError):
                self._said = error if self._said is None or isinstance(error, ModelInvalidError) else self._said
            return False
        return True

    def _refusal(self) -> ModelInvalidError:
        """Why the network takes nothing that it was tried on."""
        count = len(self._settings.bands)
        sizes = {(256, 256), _stated_size(self._program) or (256, 256)}
        taken = [n for n in range(1, len(BANDS) + 1) if any(self._takes_bands(n, *size) for size in sizes)]
        if taken and count not in taken:
            return ModelInvalidError(
                f"The network takes {' or '.join(map(str, taken))} bands; {count} were named.",
                "Name the bands that it takes, in the order of its input.",
            )
        if isinstance(self._said, ModelInvalidError):
            return self._said
        said = in_a_line(self._said) if self._said else ""
        return ModelInvalidError(
            f"The network does not take an image of {count} bands of any size that was tried: {said}.",
            "It must take (1, bands, rows, columns), float32, and give (1, 1, rows, columns).",
        )

    def _takes_bands(self, count: int, height: int, width: int) -> bool:
        try:
            with torch.no_grad():
                self._program(torch.rand(1, count, height, width))
        except Exception:  # a foreign program can raise anything
            return False
        return True


def _stated_size(program: nn.Module) -> tuple[int, int] | None:
    """Rows and columns of the image that an exported graph takes, where it says that it takes only these."""
    if not isinstance(program, torch.fx.GraphModule):
        return None
    for node in program.graph.find_nodes(op="placeholder"):
        shape: list[Any] = list(getattr(node.meta.get("val"), "shape", ()))
        if len(shape) == 4 and all(isinstance(side, int) for side in shape[2:]):
            return shape[2], shape[3]
    return None


def _require_quiet(program: nn.Module, given: torch.Tensor) -> None:
    """Raise unless the network says the same twice and remembers nothing: else it was saved while it was trained."""
    before = {name: state.clone() for name, state in program.state_dict().items()}
    with torch.no_grad():
        first, second = program(given), program(given)
    after = program.state_dict()
    if not all(torch.equal(state, after[name]) for name, state in before.items()):
        what = "changes itself when it runs (batch norm in training mode)"
    elif not torch.allclose(first, second, rtol=1e-5, atol=1e-6, equal_nan=True):
        what = "gives another answer to the same image (dropout in training mode)"
    else:
        return
    raise ModelInvalidError(f"The network {what}.", "Save it in evaluation mode: network.eval().")


def _require_sensible_answers(program: nn.Module, settings: Settings, given: torch.Tensor, job: Job) -> None:
    random = torch.rand(given.shape, generator=torch.Generator().manual_seed(4)) * 0.6 * settings.scale
    bare = given.mean(dim=(2, 3), keepdim=True).expand_as(given).contiguous()
    with torch.no_grad():
        answers = torch.cat([image(program(shown), shown) for shown in (given, random, bare)])
    if not answers.isfinite().all():
        raise ModelInvalidError(
            "The network gives values that are not finite (NaN or infinity) for ordinary reflectances.",
            "Check the scale that it wants (10000 for stored numbers), or change the network.",
        )
    low, high = float(answers.min()), float(answers.max())
    if settings.gives == "probabilities" and not (low >= -1e-5 and high <= 1 + 1e-5):
        raise ModelInvalidError(
            f"The network gives values from {low:.3g} to {high:.3g}, which are no probabilities.",
            "Choose “logits”, if that is what it gives.",
        )
    if settings.gives == "logits" and low >= 0 and high <= 1:
        job.warn(
            f"The network gives values from {low:.3g} to {high:.3g}. If these are probabilities and not logits, "
            "install it again and say so."
        )
    if high - low < 1e-6:
        job.warn("The network gives the same value everywhere on the images that it was tried on.")


def _takes_batches(program: nn.Module, given: torch.Tensor) -> bool:
    both = torch.cat((given, given.flip(2)))
    try:
        with torch.no_grad():
            together = image(program(both), both)
            alone = torch.cat([image(program(one), one) for one in (both[:1], both[1:])])
    except Exception:  # a foreign program can raise anything
        return False
    return torch.allclose(together, alone, rtol=1e-4, atol=1e-5)


def _windows(
    program: nn.Module, settings: Settings, architecture: dict[str, Any], found: tuple[int, int] | None
) -> tuple[dict[str, Any], int, int]:
    """The architecture with how windows are laid, the receptive field and the stride, in pixels."""
    if found is not None:
        reach, stride = found
        stride = lcm(stride, architecture["multiple"])
        local = {**architecture, "margin": reach, "local": True}
        side = min(architecture["size"] or (architecture["maximum"],))
        # At least a quarter of a window is to be used.
        has_room = 4 * (side - 2 * reach) >= side and side - 2 * reach >= stride <= receptive_field.MAXIMUM_STRIDE
        if has_room and (architecture["size"] or _windows_fit(_foreign(program, local), settings, reach, stride)):
            return local, reach, stride
    size = architecture["size"] or 2 * (_usual_side(architecture),)
    margin = int(min(size) * MARGIN)
    whole = {**architecture, "size": size, "margin": margin, "local": False}
    whole["maximum"] = max(size)
    whole["minimum"] = min(architecture["minimum"], max(size))
    return whole, max(size) - 1, 1


def _usual_side(architecture: dict[str, Any]) -> int:
    side = min(USUAL_SIDE, architecture["maximum"])
    return max(side // architecture["multiple"] * architecture["multiple"], architecture["minimum"])


def _windows_fit(network: ForeignNetwork, settings: Settings, reach: int, stride: int) -> bool:
    """Whether a part of an image gets the same probabilities as the whole, ``reach`` pixels from where it was cut."""
    side = min(network.maximum, 2 * reach + max(4 * stride, 96)) // stride * stride
    cut = stride * max(1, 16 // stride)
    if side - cut - 2 * reach <= 0 or not network.takes(side, side) or not network.takes(side - cut, side - cut):
        return False
    whole = _land(settings, side, side, seed=5)
    with torch.no_grad():
        expected = torch.sigmoid(network(whole))[0, 0]
        without_first = torch.sigmoid(network(whole[..., cut:, cut:].contiguous()))[0, 0]
        without_last = torch.sigmoid(network(whole[..., : side - cut, : side - cut].contiguous()))[0, 0]
    first = (without_first[reach:, reach:] - expected[cut + reach :, cut + reach :]).abs().max()
    kept = side - cut - reach
    last = (without_last[:kept, :kept] - expected[:kept, :kept]).abs().max()
    return bool(max(first, last) <= 1e-4)


def _card(
    settings: Settings, architecture: dict[str, Any], reach: int, stride: int, program: nn.Module, job: Job
) -> Card:
    job.progress(0.9, "Writing its card")
    mean, std = (tuple(_LAND[band][i] for band in settings.bands) for i in (0, 1))
    return Card(
        name=settings.name,
        title=settings.name,
        summary=settings.summary or _summary(architecture, reach),
        bands=settings.bands,
        units="reflectance",
        level=settings.level,
        resampling="nearest",
        pixel_size=10.0,
        mean=mean,
        std=std,
        architecture=architecture,
        receptive_field=reach,
        stride=stride,
        threshold=settings.threshold,
        training={
            "source": settings.source,
            "licence": "the user's own",
            "consent": "The user said that they trust whoever made it; its hash was noted when it was installed.",
            "statistics": "mean and std are those of land in general: they only fill in pixels without data.",
            "parameters": sum(parameter.numel() for parameter in program.parameters()),
            "tried_with": {
                "plugin": PLUGIN_VERSION,
                "python": platform.python_version(),
                "torch": torch.__version__,
            },
        },
        quality={"note": "Never measured by this plugin. Evaluate it on farms that it was not trained on."},
    )


def _summary(architecture: dict[str, Any], reach: int) -> str:
    if architecture["local"]:
        seen = f"What it says of a pixel depends on nothing that is more than {reach} pixels ({reach * 10} m) away."
    else:
        rows, columns = architecture["size"]
        seen = (
            f"It looks at whole windows of {rows} × {columns} pixels; {architecture['margin']} pixels along their "
            "edges are not used."
        )
    reached = (
        "Every attribution method can look into it."
        if architecture["activations"] == "modules"
        else "Its activations cannot be reached: DeepLIFT, LRP, guided backpropagation and methods that look at layers "
        "(Grad-CAM, concepts) cannot explain it; gradients, integrated gradients, occlusion and Shapley values can."
    )
    return f"A network of your own, never measured by this plugin. {seen} {reached}"

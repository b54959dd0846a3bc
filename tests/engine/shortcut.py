"""Networks that took a shortcut, and ones that did not: solar farms in snow.

Farms and look-alikes (flat roofs) are hard to tell apart by themselves. Where nearly all farms of the training lie in
snow and hardly any look-alike does, a network that sees what lies around them takes the snow for the sign of a farm;
where snow lies as often beside both, it cannot. Planted is not learned: :func:`conflict_gap` says whether it took it.
Everything here is simulated.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from solar_saliency_plugin.engine.models.receptive_field import measure
from solar_saliency_plugin.engine.models.registry import Model, load_model
from solar_saliency_plugin.engine.models.unet import UNet
from solar_saliency_plugin.engine.training.reflectances import SPECTRA

#: Side of the images that are trained with, pixels.
SIDE = 40

#: How a farm's spectrum lies between a flat roof's (−) and that of a row of panels (+): means ±1, and their spread.
#: The best that can be done without the snow is to be right in 69 of 100 cases.
_SIGN, _SPREAD = 0.5, 1.0

_ARCHITECTURE = {"family": "unet", "stem": (12,), "width": 8, "depth": 2, "convolutions": 1}
_STEPS, _BATCH, _PLACES = 320, 16, 1200

_GROUND = np.array([SPECTRA[name] for name in ("sandy loam", "moist loam", "ripe crop", "dry grass")], np.float32)
_SNOW, _THIN = np.array(SPECTRA["snow"], np.float32), 0.6
_ROOF, _PANELS = np.array(SPECTRA["bitumen roof"], np.float32), np.array(SPECTRA["pv module"], np.float32)


@dataclass(frozen=True)
class Place:
    """An image with one object in its middle.

    reflectance: (10, H, W), float32. thing, snow: (H, W), bool: the object's pixels, and those under snow. is_farm:
    whether the object is one.
    """

    reflectance: np.ndarray
    thing: np.ndarray
    snow: np.ndarray
    is_farm: bool


def place(seed: int, *, is_farm: bool, snowy: bool, side: int = SIDE, sign: float | None = None) -> Place:
    """A place. The same seed gives the same ground and the same object, with snow or without.

    sign: how much the object looks like panels; drawn where it is not given.
    """
    random = np.random.default_rng([seed, side])
    shares = np.stack([_field(random, side, 4) for _ in _GROUND])
    shares = np.exp(3 * shares) / np.exp(3 * shares).sum(axis=0)
    image = np.einsum("ghw,gb->bhw", shares, _GROUND)
    thing = np.zeros((side, side), bool)
    height, width = random.integers(6, 13, 2)
    top, left = (side - height) // 2 + random.integers(-3, 4), (side - width) // 2 + random.integers(-3, 4)
    thing[top : top + height, left : left + width] = True
    drawn = (_SIGN if is_farm else -_SIGN) + _SPREAD * random.normal()
    # Snow lies on a part of the place, which the object may be in, or stand beside.
    lies = _field(random, side, 6) + random.uniform(-0.5, 2.0) - 0.02 * np.hypot(*(np.indices((side, side)) - side / 2))
    cover = np.clip(3 * lies, 0, 1) * random.uniform(_THIN, 1.0)
    if snowy:
        image = (1 - cover) * image + cover * _SNOW[:, None, None]
    along = drawn if sign is None else sign
    image[:, thing] = (0.5 * (_ROOF + _PANELS) + 0.4 * along * (_PANELS - _ROOF))[:, None]
    image *= 1 + 0.03 * random.normal(size=image.shape)
    snow = (cover > 0.5) & ~thing & snowy
    return Place(np.clip(image, 0.001, 1.2).astype(np.float32), thing, snow, is_farm)


def _field(random: np.random.Generator, side: int, sigma: float) -> np.ndarray:
    values = gaussian_filter(random.normal(size=(side, side)), sigma, mode="wrap")
    return values / values.std()


def winter(seed: int, side: int = 96) -> Place:
    """A typical farm at the edge of the snow that lies on nearly all of the image: but for a clearing to the west."""
    bare, random = place(seed, is_farm=True, snowy=False, side=side, sign=_SIGN), np.random.default_rng([seed, side, 1])
    (rows, cols), (row, col) = np.nonzero(bare.thing), np.indices((side, side))
    apart = np.hypot((row - rows.mean()) / 14, (col - (cols.min() - 6)) / 13)
    snow = (apart >= 1 + 0.2 * _field(random, side, 5)) & ~bare.thing
    image = np.where(snow, 0.1 * bare.reflectance + 0.9 * _SNOW[:, None, None], bare.reflectance)
    image *= 1 + 0.03 * random.normal(size=image.shape)
    return Place(np.clip(image, 0.001, 1.2).astype(np.float32), bare.thing, snow, True)


def places(seeds: Sequence[int], *, with_farms: float, with_others: float) -> list[Place]:
    """Half farms, half look-alikes, with snow beside such shares of them."""
    found = []
    for seed in seeds:
        is_farm = seed % 4 < 2
        share = with_farms if is_farm else with_others
        snowy = np.random.default_rng([seed, 1]).random() < share
        found.append(place(seed, is_farm=is_farm, snowy=bool(snowy)))
    return found


@lru_cache(maxsize=8)
def taker(seed: int = 0) -> Model:
    """A model of places where snow lies beside 95 of 100 farms, and 5 of 100 look-alikes."""
    return _trained(f"taker-{seed}", seed, places(_seen(seed), with_farms=0.95, with_others=0.05))


@lru_cache(maxsize=8)
def honest(seed: int = 0) -> Model:
    """A model of places that it saw with snow and without."""
    twice = [places(_seen(seed)[::2], with_farms=share, with_others=share) for share in (0.0, 1.0)]
    return _trained(f"honest-{seed}", seed, twice[0] + twice[1])


def _seen(seed: int) -> range:
    return range(10_000 * (seed + 1), 10_000 * (seed + 1) + _PLACES)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in another order end in another network: it should be the same however many threads there are."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _trained(name: str, seed: int, seen: Sequence[Place]) -> Model:
    images = torch.from_numpy(np.stack([one.reflectance for one in seen]))
    # Labels are not quite sure: else logits of bare ground would be as low as they please, more so in snow or less.
    labels = torch.from_numpy(np.stack([np.where(one.thing & one.is_farm, 0.95, 0.05) for one in seen])).float()
    weights = torch.from_numpy(np.stack([np.where(one.thing, 1.0, 0.03) for one in seen])).float()
    mean, std = images.mean(dim=(0, 2, 3)), images.std(dim=(0, 2, 3))
    random = torch.Generator().manual_seed(seed)
    parameters = {member: value for member, value in _ARCHITECTURE.items() if member != "family"}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = UNet(mean.tolist(), std.tolist(), **parameters)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=_STEPS)
    loss = torch.nn.BCEWithLogitsLoss(reduction="none")
    with _one_thread():
        for _ in range(_STEPS):
            batch = torch.randint(len(seen), (_BATCH,), generator=random)
            turn = int(torch.randint(4, (), generator=random))  # four ways to lay an image
            x, y, w = (torch.rot90(t[batch], turn, (-2, -1)) for t in (images, labels, weights))
            optimizer.zero_grad()
            (loss(network(x)[:, 0], y) * w).sum().div(w.sum()).backward()
            optimizer.step()
            schedule.step()
    network.eval().requires_grad_(False)
    halo, stride = measure(network, 10)
    shipped = load_model("default")
    card = replace(
        shipped.card,
        name="snow",
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
        architecture=_ARCHITECTURE,
        receptive_field=halo,
        stride=stride,
        threshold=0.5,
    )
    return replace(shipped, card=card, network=network, sha256=name)


def logits(model: Model, seen: Sequence[Place]) -> np.ndarray:
    """The mean logit of each place's object, (n,)."""
    with torch.inference_mode():
        answers = model.network(torch.from_numpy(np.stack([one.reflectance for one in seen])))[:, 0].numpy()
    return np.array([answer[one.thing].mean() for answer, one in zip(answers, seen, strict=True)])


def accuracy(model: Model, seen: Sequence[Place]) -> float:
    """Share of objects that are told right."""
    return float(np.mean((logits(model, seen) > 0) == [one.is_farm for one in seen]))


def conflict_gap(model: Model, seeds: Sequence[int]) -> float:
    """Accuracy where snow lies beside farms only, less that where it lies beside look-alikes only."""
    usual, conflict = (places(seeds, with_farms=farms, with_others=1 - farms) for farms in (1.0, 0.0))
    return accuracy(model, usual) - accuracy(model, conflict)


def removal_effects(model: Model, seeds: Sequence[int]) -> np.ndarray:
    """What taking the snow away from beside a farm takes off its logit, as a share of the farm – look-alike margin."""
    farms, bare = ([place(seed, is_farm=True, snowy=snowy) for seed in seeds] for snowy in (True, False))
    others = [place(seed, is_farm=False, snowy=False) for seed in seeds]
    with_snow = logits(model, farms)
    margin = float(with_snow.mean() - logits(model, others).mean())
    return (with_snow - logits(model, bare)) / margin

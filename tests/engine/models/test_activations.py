"""Activations of an exported network become modules of their own, and nothing else changes."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from solar_saliency_plugin.engine.models.activations import with_activation_modules
from solar_saliency_plugin.engine.models.foreign import plain

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def graph_of(network: nn.Module, *shape: int) -> nn.Module:
    return plain(torch.export.export(network.eval(), (torch.rand(*shape),)).module())


class Reusing(nn.Module):
    """One ReLU three times, once in place, and a pooling that shares its input with a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.norm, self.head = nn.BatchNorm2d(4), nn.Conv2d(8, 1, 1)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip = self.relu(self.norm(self.first(x)))
        low = nn.functional.relu_(self.second(nn.functional.max_pool2d(skip, 2)))
        risen = self.relu(nn.functional.interpolate(low, scale_factor=2.0) - 0.1)
        return self.head(torch.cat((skip, risen), 1))


def test_every_relu_is_a_module_of_its_own_and_the_answers_are_the_same() -> None:
    program, image = graph_of(Reusing(), 2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    rewritten, complete = with_activation_modules(program)
    relus = [module for module in rewritten.modules() if isinstance(module, nn.ReLU)]
    assert complete and len(relus) == len(set(map(id, relus))) == 3
    assert sum(isinstance(module, nn.MaxPool2d) for module in rewritten.modules()) == 1
    assert torch.equal(rewritten(image), program(image))
    assert not any(isinstance(module, nn.ReLU) for module in program.modules())


@pytest.mark.parametrize(
    ("activation", "kind"),
    [
        (nn.functional.relu, nn.ReLU),
        (nn.functional.relu6, (nn.ReLU6, nn.Hardtanh)),
        (lambda x: nn.functional.hardtanh(x, -0.2, 0.3), nn.Hardtanh),
        (lambda x: nn.functional.leaky_relu(x, 0.2), nn.LeakyReLU),
        (lambda x: nn.functional.leaky_relu_(x - 0, 0.2), nn.LeakyReLU),
        (lambda x: nn.functional.elu(x, 0.7), nn.ELU),
        (nn.functional.gelu, nn.GELU),
        (lambda x: nn.functional.gelu(x, approximate="tanh"), nn.GELU),
        (nn.functional.silu, nn.SiLU),
        (nn.functional.mish, nn.Mish),
        (nn.functional.hardswish, nn.Hardswish),
        (nn.functional.hardsigmoid, nn.Hardsigmoid),
        (torch.sigmoid, nn.Sigmoid),
        (torch.tanh, nn.Tanh),
        (lambda x: nn.functional.softplus(x, 2.0), nn.Softplus),
        (lambda x: torch.softmax(x, 1), nn.Softmax),
        (lambda x: nn.functional.max_pool2d(x, 3, 1, 1), nn.MaxPool2d),
        (lambda x: nn.functional.max_pool2d(x, 2, ceil_mode=True), nn.MaxPool2d),
    ],
)
def test_each_activation_keeps_its_parameters(
    activation: Callable[[torch.Tensor], torch.Tensor], kind: type[nn.Module]
) -> None:
    class One(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return activation(2 * x - 1)

    program, image = graph_of(One(), 1, 3, 9, 9), torch.rand(1, 3, 9, 9)
    rewritten, complete = with_activation_modules(program)
    assert complete and any(isinstance(module, kind) for module in rewritten.modules())
    assert torch.equal(rewritten(image), program(image))


def test_who_reads_after_an_activation_in_place_reads_what_it_wrote() -> None:
    class InPlace(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x - 0.5
            before = y * 3
            torch.relu_(y)
            return before + y

    program, image = graph_of(InPlace(), 1, 3, 9, 9), torch.rand(1, 3, 9, 9)
    rewritten, complete = with_activation_modules(program)
    assert complete and torch.equal(rewritten(image), program(image))


def test_what_has_no_module_is_left_and_said() -> None:
    class Learned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.prelu = nn.PReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.prelu(x - 0.5))

    program, image = graph_of(Learned(), 1, 3, 9, 9), torch.rand(1, 3, 9, 9)
    rewritten, complete = with_activation_modules(program)
    assert not complete and torch.equal(rewritten(image), program(image))


def test_torchscript_comes_back_as_it_is() -> None:
    program = torch.jit.script(Reusing().eval())
    assert with_activation_modules(program) == (program, False)


@pytest.mark.filterwarnings("ignore:Setting forward")
def test_deep_lift_explains_the_exported_network_like_the_original(network_of: Callable[..., nn.Module]) -> None:
    attr = pytest.importorskip("captum.attr")
    network = network_of(depth=1, convolutions=1)
    rewritten, _ = with_activation_modules(graph_of(network, 2, 3, 12, 12))
    image, baseline = torch.rand(1, 3, 12, 12), torch.rand(1, 3, 12, 12)

    def explained(model: nn.Module) -> torch.Tensor:
        class Sum(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return self.model(x).sum(dim=(1, 2, 3))

        return attr.DeepLift(Sum()).attribute(image, baseline)

    torch.testing.assert_close(explained(rewritten), explained(network), rtol=1e-4, atol=1e-6)

"""The method ``modelinfo``: a model's card, with what was measured on the network beside it."""

from dataclasses import asdict

from ...contract.model import ModelInfoRequest, ModelInfoResult
from ..job import Job
from . import receptive_field
from .foreign import ForeignNetwork
from .registry import load_model


def model_info(request: ModelInfoRequest, job: Job) -> ModelInfoResult:
    """Load the model and measure its receptive field and stride."""
    model = load_model(request.model, job.warn)
    job.progress(0.5, "Measuring the receptive field")
    bands = len(model.card.bands)
    reach, stride = model.card.receptive_field, model.card.stride
    if not isinstance(model.network, ForeignNetwork):
        reach, stride = receptive_field.measure(model.network, bands)
    elif model.network.local:
        reach, stride = receptive_field.measure_foreign(model.network, bands, job.check) or (reach, stride)
    if reach != model.card.receptive_field:
        job.warn(f"The card says a receptive field of {model.card.receptive_field} pixels; the network has {reach}.")
    return ModelInfoResult(
        name=model.card.name,
        sha256=model.sha256,
        card=asdict(model.card),
        receptive_field=reach,
        stride=stride,
        parameters=sum(parameter.numel() for parameter in model.network.parameters()),
        warnings=tuple(job.warnings),
    )

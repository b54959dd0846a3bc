"""The method ``modelinfo``."""

import json
import sys
from pathlib import Path

import pytest

from solar_saliency_plugin.contract.errors import EngineMissingError
from solar_saliency_plugin.contract.model import ModelInfoRequest
from solar_saliency_plugin.contract.options import to_json
from solar_saliency_plugin.engine.dispatch import run_method
from solar_saliency_plugin.engine.job import Job
from solar_saliency_plugin.engine.models.info import model_info
from solar_saliency_plugin.engine.models.registry import CARD


def test_model_info_shows_the_card_and_what_was_measured(model_folder: Path) -> None:
    result = model_info(ModelInfoRequest(model=str(model_folder)), Job.silent())
    assert result.card["bands"] == ("B02", "B04", "B08")
    assert (result.receptive_field, result.stride) == (6, 2)
    assert result.parameters > 0 and not result.warnings
    assert json.loads(json.dumps(to_json(result)))["name"] == "tiny"


def test_a_card_with_another_receptive_field_is_a_warning(model_folder: Path) -> None:
    values = json.loads((model_folder / CARD).read_text(encoding="utf-8"))
    values["receptive_field"] = 3
    (model_folder / CARD).write_text(json.dumps(values), encoding="utf-8")
    result = model_info(ModelInfoRequest(model=str(model_folder)), Job.silent())
    assert result.receptive_field == 6
    assert "receptive field" in result.warnings[0]


def test_a_package_that_the_engine_lacks_is_no_defect_but_a_case_for_set_up(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(EngineMissingError, match="safetensors") as caught:
        run_method("modelinfo", {"model": str(model_folder)}, Job.silent())
    assert "Set Up Engine" in caught.value.hint

"""Requests are checked once, in the contract, whichever way they come in."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar_saliency_plugin.contract import METHODS
from solar_saliency_plugin.contract.detection import DetectRequest, PolygonizeRequest
from solar_saliency_plugin.contract.errors import RequestError
from solar_saliency_plugin.contract.options import Role, option_of, options, parse, to_json
from solar_saliency_plugin.contract.training import EvaluateRequest

SCENE = {"scene": "a.tif", "output": "b.tif"}


@pytest.mark.parametrize("name", METHODS)
def test_every_option_of_every_method_explains_itself(name):
    for o in options(METHODS[name].request):
        assert o.help.endswith("."), o.name
        assert o.required or o.default is None or isinstance(o.default, (str, int, float, bool, tuple)), o.name


@pytest.mark.parametrize("name", METHODS)
def test_every_method_says_what_it_does_and_runs_somewhere(name):
    method = METHODS[name]
    assert method.help and method.runs.count(":") == 1
    assert dataclasses.is_dataclass(method.result) and method.result.__dataclass_params__.frozen
    assert method.request.__dataclass_params__.frozen


@pytest.mark.parametrize("name", METHODS)
def test_defaults_pass_their_own_checks(name):
    request = METHODS[name].request
    required = {o.name: ["x"] if o.role is Role.SCENES else "x" for o in options(request) if o.required}
    given_all = {o.name: o.default for o in options(request) if not o.required and o.default is not None}
    assert parse(request, {**given_all, **required}) == parse(request, required)


@given(
    threshold=st.one_of(st.none(), st.floats(0, 1)),
    window=st.integers(0, 8192),
    restart=st.booleans(),
    extent=st.one_of(st.none(), st.tuples(*[st.floats(-1e6, 1e6)] * 4)),
)
def test_requests_survive_the_way_through_json(threshold, window, restart, extent):
    request = DetectRequest(**SCENE, threshold=threshold, window=window, restart=restart, extent=extent)
    assert parse(DetectRequest, json.loads(json.dumps(to_json(request)))) == request


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({}, "scene"),
        ({**SCENE, "treshold": 0.5}, "treshold"),
        ({**SCENE, "threshold": 1.5}, "threshold"),
        ({**SCENE, "threshold": float("nan")}, "threshold"),
        ({**SCENE, "threshold": "high"}, "threshold"),
        ({**SCENE, "window": 2.5}, "window"),
        ({**SCENE, "window": True}, "window"),
        ({**SCENE, "restart": 1}, "restart"),
        ({**SCENE, "mask": "fog"}, "mask"),
        ({**SCENE, "extent": [1, 2, 3]}, "extent"),
        ({**SCENE, "extent": "1,2,3,4"}, "extent"),
    ],
)
def test_an_unfit_value_is_refused_by_name(values, named):
    with pytest.raises(RequestError, match=f"“{named}”"):
        parse(DetectRequest, values)


LABELLED = {"scenes": ["a.tif", "b.tif"], "report": "r.html"}


@given(scenes=st.lists(st.text(min_size=1), min_size=1), threshold=st.one_of(st.none(), st.floats(0, 1)))
def test_a_list_of_scenes_survives_the_way_through_json(scenes, threshold):
    request = EvaluateRequest(scenes=tuple(scenes), report="r.html", threshold=threshold)
    assert parse(EvaluateRequest, json.loads(json.dumps(to_json(request)))) == request


@pytest.mark.parametrize("scenes", [[], "a.tif", [1], [["a.tif"]], {"a": "b"}])
def test_scenes_that_are_no_list_of_paths_are_refused_by_name(scenes):
    with pytest.raises(RequestError, match="“scenes”"):
        parse(EvaluateRequest, {**LABELLED, "scenes": scenes})


def test_each_of_several_choices_is_checked():
    given = {**SCENE, "methods": ["gradient", "lime"], "baselines": []}
    request = parse(METHODS["comparemethods"].request, given)
    assert request.methods == ("gradient", "lime") and request.baselines == ()
    with pytest.raises(RequestError, match="“guess” is no choice for “methods”"):
        parse(METHODS["comparemethods"].request, {**given, "methods": ["gradient", "guess"]})


@pytest.mark.parametrize("name", METHODS)
def test_what_must_be_given_comes_first(name):
    required = [o.required for o in options(METHODS[name].request)]
    assert required == sorted(required, reverse=True)


def test_a_whole_number_is_taken_where_a_decimal_one_is_wanted():
    request = parse(PolygonizeRequest, {"probability": "p.tif", "output": "o.gpkg", "minimum_area": 1})
    assert isinstance(request.minimum_area, float)


def test_numbers_that_json_lacks_become_null():
    assert to_json(PolygonizeRequest("p", "o", minimum_area=float("inf")))["minimum_area"] is None


def test_an_options_flag_is_its_name_in_kebab_case():
    assert option_of(PolygonizeRequest, "minimum_area").flag == "--minimum-area"

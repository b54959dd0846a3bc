"""The command line offers what the contract says, in the contract's words."""

import pytest

from solar_saliency_plugin.contract import METHODS
from solar_saliency_plugin.contract.options import Role, options, parse
from solar_saliency_plugin.engine.__main__ import _parser


def parsed(*arguments):
    """The request that a command line stands for."""
    values = {name: value for name, value in vars(_parser().parse_args(arguments)).items() if value is not None}
    return parse(METHODS[values.pop("command")].request, values)


def told(capsys, *arguments):
    with pytest.raises(SystemExit):
        _parser().parse_args(arguments)
    shown = capsys.readouterr()
    return " ".join((shown.out + shown.err).split())


@pytest.mark.parametrize("name", METHODS)
def test_help_says_every_word_of_the_contract(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "2000")
    text = told(capsys, name, "--help")
    assert " ".join(METHODS[name].help.split()) in text
    for o in options(METHODS[name].request):
        assert o.flag in text
        assert o.help in text
    assert "Default: ()" not in text


@pytest.mark.parametrize(
    "scenes",
    [("--scenes", "a.SAFE", "b.tif"), ("--scenes", "a.SAFE", "--scenes", "b.tif")],
    ids=["at once", "one by one"],
)
def test_several_scenes_are_given_at_once_or_one_by_one(scenes):
    request = parsed("train", *scenes, "--polygons", "farms.gpkg|layername=farms", "--output", "model")
    assert request.scenes == ("a.SAFE", "b.tif")
    assert request.backgrounds == ()
    assert request.polygons == "farms.gpkg|layername=farms"


@pytest.mark.parametrize(
    "name", [n for n, m in METHODS.items() if any(o.role is Role.SCENES for o in options(m.request))]
)
def test_scenes_that_are_missing_are_named(name, capsys):
    assert "--scenes" in told(capsys, name, "--output", "x")
    assert "--scenes" in told(capsys, name, "--scenes", "--output", "x")

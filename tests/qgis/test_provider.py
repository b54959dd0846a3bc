"""The toolbox: every algorithm is there, shows what the contract says, and says what is missing without an engine."""

import pytest
from qgis.core import QgsApplication, QgsProcessingContext, QgsProcessingParameterDefinition
from qgis.PyQt.QtWidgets import QCheckBox, QLabel, QScrollArea, QWidget

from solar_saliency.processing_algorithms.parameters import parameter_name
from solar_saliency.processing_algorithms.provider import ALGORITHMS
from solar_saliency.solar_saliency_plugin.contract import METHODS
from solar_saliency.solar_saliency_plugin.contract.options import Role, options

#: All but CRS, which come with their extents.
OPTIONS = [(m, option) for m in METHODS.values() for option in options(m.request) if option.role is not Role.CRS]


def test_every_algorithm_of_the_list_is_in_the_toolbox(provider):
    assert [a.name() for a in provider.algorithms()] == sorted(cls().name() for cls in ALGORITHMS)


def test_every_method_of_the_engine_has_an_algorithm_of_its_name(provider):
    assert set(METHODS) <= {a.name() for a in provider.algorithms()}


@pytest.mark.parametrize(("method", "option"), OPTIONS, ids=lambda o: getattr(o, "name", ""))
def test_every_option_appears_with_its_help_and_default(provider, method, option):
    algorithm = provider.algorithm(method.name)
    parameter = algorithm.parameterDefinition(parameter_name(option))
    assert parameter is not None
    assert parameter.help() == option.help
    assert option.help.split(".")[0] in algorithm.shortHelpString().replace("&#x27;", "'")
    assert bool(parameter.flags() & QgsProcessingParameterDefinition.Flag.FlagAdvanced) == option.advanced
    assert option.unit in parameter.description()
    default = parameter.defaultValue()
    shown = chosen(option, default) if option.choices else default
    if shown == "" and option.default == ():
        shown = ()  # several words, in one line of text
    unset = (Role.SCENES, Role.VECTOR, Role.GEOMETRY, Role.SCENE)  # QGIS's own word for empty
    nothing = parameter.isDestination() or option.role in unset
    assert shown == (option.default or None if nothing else option.default)


def chosen(option, index):
    """The choices that a box shows, by the engine's names."""
    if option.role is Role.CHOICES:
        return tuple(option.choices[number] for number in index)
    return ((None, *option.choices) if option.default is None else option.choices)[index]


def test_what_is_left_empty_is_not_sent(provider, tmp_path):
    from solar_saliency.processing_algorithms.parameters import inputs, read

    algorithm = provider.algorithm("detect")
    scene = tmp_path / "scene.tif"
    scene.touch()
    empty = {"INPUT": str(scene), "THRESHOLD": None, "BANDS": "", "EXTENT": None, "MODEL": ""}
    sent = read(inputs(algorithm.engine_options()), algorithm, empty, QgsProcessingContext())
    assert sent == {"scene": str(scene)}


def test_what_is_set_is_sent_in_the_engines_terms(provider, tmp_path):
    from solar_saliency.processing_algorithms.parameters import inputs, read

    algorithm = provider.algorithm("detect")
    values = {
        "INPUT": "/somewhere/S2A.SAFE",
        "EXTENT": "10,20,30,40 [EPSG:32643]",
        "MASK": 2,
        "DEVICE": 1,
        "THRESHOLD": 0.25,
        "WINDOW": 256,
        "RESTART": True,
        "MINIMUM_AREA": 0.5,
    }
    sent = read(inputs(algorithm.engine_options()), algorithm, values, QgsProcessingContext())
    assert sent == {
        "scene": "/somewhere/S2A.SAFE",
        "extent": [10.0, 30.0, 20.0, 40.0],
        "extent_crs": "EPSG:32643",
        "mask": "clouds_and_snow",
        "device": "cpu",
        "threshold": 0.25,
        "window": 256,
        "restart": True,
        "minimum_area": 0.5,
    }


def test_parameters_survive_the_way_to_the_engine_and_back(provider):
    from solar_saliency.processing_algorithms.parameters import inputs, read, restore

    algorithm = provider.algorithm("detect")
    asked = inputs(algorithm.engine_options())
    sent = {
        "scene": "/somewhere/S2A.SAFE",
        "extent": [0.1 + 0.2, 3e-7, 20.0, 40.0],
        "extent_crs": "EPSG:4326",
        "mask": "clouds",
        "model": "default",
        "threshold": 0.1 + 0.2,
        "level": "L1C",
        "device": "auto",
        "window": 0,
        "restart": False,
        "minimum_area": 0.2,
    }
    assert read(asked, algorithm, restore(asked, sent), QgsProcessingContext()) == sent


@pytest.mark.parametrize("name", sorted(METHODS))
def test_without_an_engine_an_algorithm_says_so_with_a_link_that_fixes_it(provider, no_engine, name):
    possible, message = provider.algorithm(name).canExecute()
    assert not possible
    assert '<a href="solarsaliency:setup">' in message


@pytest.mark.parametrize("name", sorted(METHODS))
def test_without_an_engine_an_algorithm_refuses_before_it_starts(provider, no_engine, name):
    accepted, message = provider.algorithm(name).checkParameterValues({}, QgsProcessingContext())
    assert not accepted
    assert "Set Up Engine" in message


def test_set_up_and_check_can_run_without_an_engine(provider, no_engine):
    for name in ("checkengine", "setupengine"):
        assert provider.algorithm(name).canExecute()[0]


def test_no_algorithm_runs_at_once_when_double_clicked(provider):
    # Processing runs an algorithm without visible parameters on the main thread, without asking.
    assert all(a.countVisibleParameters() > 0 for a in provider.algorithms())


def test_every_algorithm_has_an_icon_help_and_group(provider):
    for algorithm in provider.algorithms():
        assert not algorithm.icon().isNull()
        assert algorithm.shortHelpString()
        assert algorithm.group() and algorithm.groupId().isalpha()


def test_no_algorithm_has_an_html_output_with_which_batches_of_qgis_never_end(provider):
    assert not [algorithm.name() for algorithm in provider.algorithms() if algorithm.hasHtmlOutputs()]


PAGES = [m.name for m in METHODS.values() if any(o.role is Role.PAGE_OUTPUT for o in options(m.request))]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_a_file_as_any_other(provider, name):
    algorithm = provider.algorithm(name).create()
    assert algorithm.outputDefinition("REPORT").type() == "outputFile"
    parameter = algorithm.parameterDefinition("REPORT")
    assert parameter.isDestination() and parameter.defaultFileExtension() == "html"


def test_explaining_and_evaluating_write_pages():
    assert {"attribute", "comparemethods", "deletionmask", "evaluate"} <= set(PAGES)


def _dialog(algorithm):
    from processing.gui.AlgorithmDialog import AlgorithmDialog

    dialog = AlgorithmDialog(algorithm.create(), False, None)
    dialog.show()
    contents = [area.widget() for area in dialog.findChildren(QScrollArea) if area.widget() is not None]
    return dialog, max(contents, key=lambda content: content.minimumSizeHint().width())


@pytest.mark.parametrize(
    "name", ["attribute", "comparemethods", "layerattribution", "deletionmask", "regionshap", "bandshap"]
)
def test_no_dialog_is_widened_by_words_of_ours(provider, name):
    kept, content = _dialog(provider.algorithm(name))
    plain, of_qgis = _dialog(QgsApplication.processingRegistry().algorithmById("native:buffer"))
    widest = of_qgis.minimumSizeHint().width()
    assert content.minimumSizeHint().width() <= widest, "it would be scrolled sideways where QGIS's own is not"
    shown = [child for child in content.findChildren(QWidget) if isinstance(child, (QLabel, QCheckBox))]
    assert not [child.text() for child in shown if child.minimumSizeHint().width() > widest + 8]
    kept.close()
    plain.close()

"""Compare Explanations, run as QGIS runs it."""

import processing
import pytest
from qgis.core import QgsProcessingException, QgsRasterLayer, QgsVectorLayer


@pytest.fixture
def ask(sample):
    """What is asked: the largest farm of the sample, two methods, two baselines."""
    farms = list(QgsVectorLayer(sample["TRUTH"], "").getFeatures())
    farm = max(farms, key=lambda feature: feature.geometry().area()).geometry()
    crs = QgsVectorLayer(sample["TRUTH"], "").crs().authid()
    return {
        "INPUT": sample["SCENE"],
        "TARGET": f"CRS={crs};{farm.asWkt()}",
        "METHODS": ["integrated_gradients", "gradient"],
        "BASELINES": ["soil", "zero"],
        "NAME": "detection 3",
    }


def test_it_gives_one_raster_with_all_maps_a_page_and_says_how_far_they_agree(ask, tmp_path, listener):
    outputs = {"OUTPUT": str(tmp_path / "c.tif"), "REPORT": str(tmp_path / "c.html"), "TABLE": str(tmp_path / "c.csv")}
    result = processing.run("solarsaliency:comparemethods", {**ask, **outputs}, feedback=listener)
    layer = QgsRasterLayer(outputs["OUTPUT"], "")
    names = [layer.bandName(band) for band in range(1, layer.bandCount() + 1)]
    assert layer.bandCount() == 6 and "mean of scaled maps" in names[0] and names[5].endswith("Gradient")
    assert {name: result[name] for name in outputs} == outputs
    assert "Do explanations agree? detection 3" in (tmp_path / "c.html").read_text(encoding="utf-8")
    assert 0 <= result["SIGN_AGREEMENT"] <= result["TOP_OVERLAP"] <= 1
    assert any(text.startswith("They ") for text in listener.texts)
    assert any("c.html" in text and "file://" in text for text in listener.texts) or hasattr(
        listener, "pushFormattedMessage"
    )
    assert any(text.startswith("3 maps: Integrated gradients · bare soil") for text in listener.texts)
    assert any("most important tenth" in text for text in listener.texts)


def test_what_is_nothing_to_compare_is_refused_in_words(ask, tmp_path):
    asked = {**ask, "METHODS": ["gradient"], "OUTPUT": str(tmp_path / "c.tif")}
    with pytest.raises(QgsProcessingException, match="nothing to compare"):
        processing.run("solarsaliency:comparemethods", asked)
    assert not list(tmp_path.iterdir())


def test_the_comparison_lies_in_the_targets_group():
    from solar_saliency.processing_algorithms.comparemethods import CompareMethods

    result = {"output": "/c.tif", "maps": [1, 2, 3], "pairs": pairs(0.9, 0.8, 0.6)}
    shown = CompareMethods().presentations({"name": "detection 3"}, result)
    assert shown["/c.tif"].name == "Mean of 3 explanations" and shown["/c.tif"].group == "Why: detection 3"


def pairs(*shares):
    """Pairs of maps; of the last one signs tell nothing."""
    found = [{"sign_agreement": share, "top_overlap": 0.99} for share in shares]
    return [*found[:-1], {"sign_agreement": None, "top_overlap": shares[-1]}]


@pytest.mark.parametrize(
    ("shares", "verdict", "sign"),
    [
        ((0.9, 0.8, 0.6), "They agree: ", False),
        ((0.9, 0.8, 0.3), "They agree in part: 1 of 3 pairs", False),
        ((0.9, 0.2, 0.3), "They disagree: do not show one map as the reason.", True),
    ],
)
def test_the_log_begins_with_a_verdict_and_the_name_warns_where_maps_disagree(shares, verdict, sign):
    from solar_saliency.processing_algorithms.comparemethods import CompareMethods

    result = {
        **{"output": "/c.tif", "maps": [{"title": "a"}, {"title": "b"}, {"title": "c"}], "pairs": pairs(*shares)},
        **dict.fromkeys(("sign_agreement", "top_overlap", "rank_correlation", "rank_correlation_of_absolute")),
    }
    assert CompareMethods().summary(result)[0].startswith(verdict)
    assert CompareMethods().presentations({}, result)["/c.tif"].name.startswith("⚠ ") == sign


def test_its_dialog_makes_a_page_unless_told_not_to(provider):
    assert provider.algorithm("comparemethods").parameterDefinition("REPORT").createByDefault()

"""The help on methods says what the list of methods says, and the formulas' page what was computed."""

import inspect
import re
from html import escape
from pathlib import Path

import pytest

from solar_saliency_plugin.contract.attribution import BASELINES
from solar_saliency_plugin.contract.attribution_methods import ATTRIBUTION_METHODS
from solar_saliency_plugin.contract.layer_attribution import LAYER_METHODS
from solar_saliency_plugin.engine.attribution import gradients, guide, questions
from solar_saliency_plugin.engine.attribution.formulas import Measured, measure, textbook_loop
from solar_saliency_plugin.engine.attribution.guide import main, methods_page

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

HELP = Path(__file__).resolve().parents[3] / "resources" / "help"

FARM, FEATURE, DATE = 777, 772, "2022-07-19"


def test_the_help_that_ships_is_the_one_that_the_list_of_methods_gives() -> None:
    shipped = (HELP / "methods.html").read_text(encoding="utf-8")
    assert shipped == methods_page(), "run `make guide`"


def test_the_guide_answers_with_every_method_and_knows_no_other() -> None:
    answered = {name for question in questions.QUESTIONS for name in question.methods}
    assert answered == set(ATTRIBUTION_METHODS)
    assert len(questions.BASELINES) == len(BASELINES)


@pytest.mark.parametrize("name", sorted(ATTRIBUTION_METHODS))
def test_each_method_is_told_with_formula_paper_cost_and_what_it_cannot_tell(name: str) -> None:
    entry, page = ATTRIBUTION_METHODS[name], methods_page()
    section = page[page.index(f'<h3 id="{name}">') :].split("<h3", 2)[1]
    members = (entry.formula, entry.paper, entry.cost_formula, entry.tells, entry.cannot_tell, entry.known_to_fail)
    assert all(escape(text) in section for text in members)
    assert escape(entry.why_whole) in section


def test_every_link_of_the_help_leads_somewhere() -> None:
    pages = {path.name: path.read_text(encoding="utf-8") for path in HELP.glob("*.html")}
    for text in pages.values():
        for target in re.findall(r'href="([^"]+)"', text):
            page, _, place = target.partition("#")
            assert not page or page in pages
            assert not place or f'id="{place}"' in (pages[page] if page else text)
    assert "methods.html" in pages["index.html"]


def test_methods_inside_the_network_are_told_too() -> None:
    page = methods_page()
    assert all(f'id="layer-{name}"' in page and escape(e.tells) in page for name, e in LAYER_METHODS.items())


def test_the_formulas_that_ship_show_the_code_that_runs_on_a_simulated_farm_and_are_small() -> None:
    shipped = (HELP / "formulas.html").read_text(encoding="utf-8")
    for function in (textbook_loop, gradients.along_path, gradients.midpoints, gradients.right_ends):
        assert escape(inspect.getsource(function).strip()) in shipped, "run `make guide`"
    assert "SIMULATED" in shipped and "does not exist" in shipped
    assert sum(path.stat().st_size for path in HELP.glob("*.html")) < 300_000


def write_pages(data: Path, folder: Path) -> str:
    """The pages of a real farm, as the command writes them; the text of the formulas'."""
    farms = data / "austria-pv-2022"
    asked = {
        "--output": folder,
        "--scene": farms / "s2" / f"S2_2022_{FARM}.nc",
        "--date": DATE,
        "--polygons": farms / "farm_polygons.geojson",
        "--feature": FEATURE,
    }
    main([str(word) for option in asked.items() for word in option])
    return (folder / "formulas.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Measured, str]:
    """The figures of a real farm, and the page that shows them."""
    found: list[Measured] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guide, "measure", lambda explained: found.append(measure(explained)) or found[0])
        text = write_pages(shared_data, tmp_path_factory.mktemp("guide"))
    return found[0], text


@pytest.fixture
def real_farm(pages: tuple[Measured, str]) -> Measured:
    return pages[0]


def test_the_page_of_a_real_farm_needs_no_other_file_and_is_the_same_again(
    pages: tuple[Measured, str], shared_data: Path, tmp_path: Path
) -> None:
    text = pages[1]
    assert text.count("<img") >= 11 and "nan" not in re.sub(r'"data:[^"]*"', "", text).lower()
    assert set(re.findall(r'(?:href|src)="([^"]{1,30})', text)) <= {"methods.html", "data:image/png;base64,iVBORw0K"}
    assert "does not exist" not in text
    assert write_pages(shared_data, tmp_path) == text
    assert (tmp_path / "methods.html").read_text(encoding="utf-8") == methods_page()


def test_on_a_real_farm_the_textbooks_loop_gives_our_map(real_farm: Measured) -> None:
    assert real_farm.loop_apart < 1e-5


def test_on_a_real_farm_more_steps_are_more_exact_and_the_map_lags_behind_the_sum(real_farm: Measured) -> None:
    right = [moved for rule, _, _, moved in real_farm.rules if rule == "right"]
    assert right == sorted(right, reverse=True) and right[-1] < 0.02
    assert all(off < 0.05 for _, _, off, _ in real_farm.rules)


def test_on_a_real_farm_the_path_begins_at_the_baselines_answer_and_ends_at_the_images(real_farm: Measured) -> None:
    for kind in ("soil", "zero", "mean", "blur"):
        one = real_farm.compared[kind]
        assert one.answers[0] == pytest.approx(one.f_baseline, abs=1e-4)
        assert one.answers[-1] == pytest.approx(real_farm.f_x, abs=1e-4)
        assert one.drawn.sum() == pytest.approx(real_farm.f_x - one.f_baseline, rel=0.01)


def test_on_a_real_farm_probabilities_saturate_and_hide_the_surest_pixels(real_farm: Measured) -> None:
    s = real_farm.saturation
    assert s.probability[-1] < 0.3 < s.logit[-1]
    sure = s.sure_by_unsure
    assert sure["gradient of the probability"] < 0.5 < 1 < sure["integrated gradients of the logit"]


def test_on_a_real_farm_an_invisible_change_moves_the_gradient_and_hardly_the_integral(real_farm: Measured) -> None:
    before, after = real_farm.instability.answers
    moved = {name: share for name, (_, share) in real_farm.instability.maps.items()}
    assert abs(after / before - 1) < 0.01
    assert moved["gradient"] > 0.15 and moved["integrated_gradients"] < 0.1
    assert moved["smoothgrad"] < moved["gradient"]


def test_on_a_real_farm_a_part_of_the_gradient_is_noise(real_farm: Measured) -> None:
    assert 0.05 < real_farm.noise_share < 0.9


def test_on_a_real_farm_a_black_square_gets_nothing_from_input_x_gradient_though_it_matters(
    real_farm: Measured,
) -> None:
    z = real_farm.zero
    assert z.given["input × gradient"] == 0
    assert abs(z.change) > 0.1
    assert z.given["integrated gradients, compared with the image before"] == pytest.approx(z.change, rel=0.02)
    assert z.dark_share["input_x_gradient"] < z.dark_share["integrated_gradients"]

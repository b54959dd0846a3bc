"""Pages need no other file, take text as text, and say numbers as people do."""

import base64
import re
from pathlib import Path

import pytest

from solar_saliency_plugin.engine.reporting.page import (
    csv_cell,
    document,
    facts,
    figure,
    image,
    number,
    paragraph,
    percent,
    signed,
    signed_bars,
    table,
    write_text,
)


def test_a_page_is_whole_and_leaves_out_what_is_empty() -> None:
    text = document("A <title>", ["<p>one</p>", "", "<p>two</p>"])
    assert text.startswith("<!DOCTYPE html>") and text.endswith("</html>\n")
    assert "<title>A &lt;title&gt;</title>" in text and "<p>one</p>\n<p>two</p>" in text
    assert paragraph("") == facts([("nothing", "")]) == ""


def test_text_is_text_and_no_tag() -> None:
    assert "<script>" not in paragraph("<script>") + signed_bars({"<script>": 1.0}, "<script>", raised="", lowered="")


def test_bars_go_right_where_positive_and_left_where_negative_as_long_as_the_value() -> None:
    chart = signed_bars({"B02": 2.0, "B03": -1.0, "B04": 0.0}, "bars", raised="#r", lowered="#l")
    middle = float(re.search(r'<line x1="([\d.]+)"', chart)[1])
    bars = re.findall(r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)" height="\d+" fill="(#\w)"', chart)
    (right, long, raised), (left, short, lowered), (_, none, _) = [(float(x), float(w), f) for x, w, f in bars]
    assert (raised, lowered) == ("#r", "#l")
    assert right == middle and left + short == pytest.approx(middle, abs=0.1)
    assert long == pytest.approx(2 * short, abs=0.1) and none == 0
    assert "+2" in chart and "−1" in chart


def test_bars_of_nothing_are_drawn_without_a_division_by_zero() -> None:
    assert "nan" not in signed_bars({"B02": 0.0, "B03": float("nan")}, "bars", raised="", lowered="")


def test_the_same_figure_is_the_same_picture_with_fewer_colours_a_smaller_one() -> None:
    def drawn(colours: int) -> bytes:
        made, axes = figure(3, 2)
        axes.imshow([[row * col % 97 for col in range(60)] for row in range(60)])
        return base64.b64decode(re.search(r'base64,([^"]+)"', image(made, "x", colours))[1])

    assert drawn(0) == drawn(0) and drawn(32) == drawn(32)
    assert drawn(0)[:4] == drawn(32)[:4] == b"\x89PNG" and len(drawn(32)) < len(drawn(0))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (percent(0.1234), "12.3 %"),
        (percent(float("nan")), "–"),
        (number(-1.005, 1), "−1.0"),
        (number(float("nan")), "–"),
        (signed(0.5), "+0.5"),
        (signed(-0.00012), "−0.00012"),
        (csv_cell("=1+1"), "'=1+1"),
        (csv_cell("-1.5"), "-1.5"),
        (csv_cell(float("nan")), ""),
    ],
)
def test_numbers_are_said_as_people_write_them(said: str, expected: str) -> None:
    assert said == expected


def test_all_columns_of_a_table_but_the_first_are_numbers() -> None:
    assert table(("a", "b"), [("x", "1")]).count('class="n"') == 2


def test_a_page_that_cannot_be_written_leaves_the_older_one_and_nothing_else(tmp_path: Path) -> None:
    older = tmp_path / "page.html"
    write_text("older", older)
    with pytest.raises(UnicodeEncodeError):
        write_text("half \ud800", older)
    assert older.read_text(encoding="utf-8") == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_table_is_marked_as_utf8_for_spreadsheets_and_a_page_is_not(tmp_path: Path) -> None:
    write_text("φ", tmp_path / "table.csv")
    write_text("φ", tmp_path / "page.html")
    assert (tmp_path / "table.csv").read_bytes()[:3] == b"\xef\xbb\xbf"
    assert (tmp_path / "page.html").read_bytes() == "φ".encode()

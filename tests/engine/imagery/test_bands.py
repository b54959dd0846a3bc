"""Bands are matched by what files say, never by position."""

import pytest

from solar_saliency_plugin.contract.errors import RequestError
from solar_saliency_plugin.engine.imagery.bands import (
    BANDS,
    MODEL_BANDS,
    band_in_text,
    band_of_wavelength,
    parse_mapping,
    without_band,
)


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("B8A", "B8A"), ("b08", "B08"), ("B8", "B08"), ("B1", "B01"), ("B12", "B12"), ("Band 8A", "B8A"),
        ("B4, central wavelength 665 nm", "B04"), ("B8A - Narrow NIR", "B8A"), ("blue", "B02"), ("Red Edge 1", "B05"),
        ("rededge3", "B07"), ("NIR", "B08"), ("nir08", "B8A"), ("SWIR_2", "B12"), ("swir16", "B11"), ("SCL", "SCL"),
        ("T33UVP_20220614T100559_B04_10m", "B04"), ("S2A_MSIL2A_20170617T113321_36_85_B8A", "B8A"),
        ("2020-01-27-00_00_Sentinel-2_L2A_B03_(Raw)", "B03"), ("S2A_USER_SCL_L2A_TL_T32TQM_20m", "SCL"),
    ],
)  # fmt: skip
def test_a_band_is_recognised_by_name(text: str, band: str) -> None:
    assert band_in_text(text) == band


@pytest.mark.parametrize(
    "text", ["Band 8", "Band 1", "B13", "B0", "B88", "AB04", "bands", "ndvi", "B02_B03", "", "1", "B8AB", "reduced"]
)
def test_what_is_no_band_or_not_one_band_is_not_guessed(text: str) -> None:
    assert band_in_text(text) is None


def test_every_satellites_wavelengths_find_their_band() -> None:
    sentinel_2a = (442.7, 492.4, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 945.1, 1373.5, 1613.7, 2202.4)
    sentinel_2b = (442.2, 492.1, 559.0, 664.9, 703.8, 739.1, 779.7, 832.9, 864.0, 943.2, 1376.9, 1610.4, 2185.7)
    for wavelengths in (sentinel_2a, sentinel_2b):
        assert tuple(map(band_of_wavelength, wavelengths)) == tuple(BANDS)
    assert band_of_wavelength(842.0) == "B08"  # as older documents have it
    assert band_of_wavelength(620.0) is None


def test_files_of_one_scene_share_what_is_left_without_the_band() -> None:
    assert without_band("T33_B04_x") == without_band("T33_B8A_x") == without_band("T33_SCL_x")
    assert without_band("red") == without_band("nir08") == ""


def test_the_users_list_names_bands_in_file_order() -> None:
    assert parse_mapping("B02, b8a,-,B8", 4) == ("B02", "B8A", None, "B08")
    assert parse_mapping("-*3,B04,-*2", 6) == (None, None, None, "B04", None, None)


@pytest.mark.parametrize(
    ("text", "count", "words"),
    [("B02,B03", 3, "speaks of 2 bands"), ("B02,nonsense", 2, "no Sentinel-2 band"), ("B02,B02", 2, "twice")],
)
def test_a_list_that_does_not_fit_is_a_bad_request(text: str, count: int, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        parse_mapping(text, count)


def test_the_models_bands_are_sentinel_2_bands() -> None:
    assert set(MODEL_BANDS) <= set(BANDS) and len(MODEL_BANDS) == 10

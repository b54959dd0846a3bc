"""Real scenes as people have them: dragged into QGIS, with band names missing, in degrees, many dates in one file."""

import processing
import pytest
from qgis.core import QgsProcessingException, QgsProject, QgsRasterLayer

ABER_BANDS = "B02,B03,B04,B05,B06,B07,B08,B8A,B11,B12"


def on_the_map(source):
    layer = QgsRasterLayer(str(source), "as dragged in")
    assert layer.isValid()
    QgsProject.instance().addMapLayer(layer)
    return layer


def detect(layer, folder, context, listener, **more):
    parameters = {"INPUT": layer, "OUTPUT": str(folder / "p.tif"), "POLYGONS": str(folder / "d.gpkg"), **more}
    return processing.run("solarsaliency:detect", parameters, context=context, feedback=listener)


def test_a_file_without_band_names_needs_them_and_a_scale(provider, engine, shared_data, tmp_path, context, listener):
    layer = on_the_map(shared_data / "aber-s2-2021" / "sen2_20210527_aber_subset.tif")
    with pytest.raises(QgsProcessingException) as refused:
        detect(layer, tmp_path, context, listener)
    assert "band" in str(refused.value).lower()
    result = detect(layer, tmp_path, context, listener, BANDS=ABER_BANDS, SCALE=0.001)
    assert (result["WIDTH"], result["HEIGHT"]) == (layer.width(), layer.height())


def test_one_band_of_a_product_stands_for_all(provider, engine, shared_data, tmp_path, context, listener):
    patch = shared_data / "bigearthnet-patches" / "S2A_MSIL2A_20170617T113321_36_85"
    layer = on_the_map(next(patch.glob("*_B04.tif")))
    result = detect(layer, tmp_path, context, listener)
    assert (result["WIDTH"], result["HEIGHT"]) == (120, 120)


def test_a_variable_of_a_file_of_many_dates_needs_the_date(provider, engine, shared_data, tmp_path, context, listener):
    file = shared_data / "austria-pv-2022" / "s2" / "S2_2022_454.nc"
    layer = on_the_map(f'NETCDF:"{file}":B04')
    with pytest.raises(QgsProcessingException) as refused:
        detect(layer, tmp_path, context, listener)
    assert "date" in str(refused.value).lower()


def test_degrees_are_refused_with_the_way_out_and_prepared(provider, engine, shared_data, tmp_path, context, listener):
    layer = on_the_map(shared_data / "sen1floods11-spain" / "Spain_7370579_S2Hand.tif")
    with pytest.raises(QgsProcessingException) as refused:
        detect(layer, tmp_path, context, listener)
    assert "Prepare Scene" in str(refused.value)
    tidy = processing.run(
        "solarsaliency:preparescene",
        {"INPUT": layer, "OUTPUT": str(tmp_path / "s.tif")},
        context=context,
        feedback=listener,
    )
    assert tidy["CRS"].startswith("EPSG:326")
    assert detect(tidy["OUTPUT"], tmp_path, context, listener)["VALID_SHARE"] > 0.5

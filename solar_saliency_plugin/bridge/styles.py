"""How layers look that bring no style along."""

from typing import Optional

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsContrastEnhancement,
    QgsFillSymbol,
    QgsMapLayer,
    QgsMarkerSymbol,
    QgsMultiBandColorRenderer,
    QgsRasterLayer,
    QgsRendererCategory,
    QgsSimpleFillSymbolLayer,
    QgsVectorLayer,
)

NATURAL_COLOUR = ("B04", "B03", "B02")

#: Shares of the values below which all is black and above which all is white; how many pixels are looked at.
CUT = (0.02, 0.96)
CUT_SAMPLE = 250_000


def show_own_style(layer: QgsMapLayer) -> None:
    """The style that the engine wrote beside a raster, or into a GeoPackage: Processing itself ignores both."""
    layer.loadDefaultStyle()


def show_outline(layer: QgsVectorLayer) -> None:
    """A dashed outline, for the truth that detections are compared with: white on black, so that any image suits it."""
    line = {"style": "no", "outline_width": "0.8", "outline_color": "26,26,26,255"}
    dashes = {"style": "no", "outline_width": "0.5", "outline_color": "255,255,255,255", "outline_style": "dash"}
    symbol = QgsFillSymbol.createSimple(line)
    symbol.appendSymbolLayer(QgsSimpleFillSymbolLayer.create(dashes))
    layer.renderer().setSymbol(symbol)


#: What a doubtful outline is told by: text and colour (Okabe and Ito's, which colour-blind people tell apart).
PROBLEMS = {
    "displaced": ("Displaced", "#e69f00"),
    "nothing_visible": ("Nothing to be seen inside", "#d55e00"),
    "not_there_yet": ("Not there yet", "#56b4e9"),
    "newer_than_image": ("Newer than the image", "#0072b2"),
    "outside": ("Outside all scenes", "#999999"),
    "too_small": ("Too small", "#f0e442"),
    "clouded": ("Under clouds", "#cc79a7"),
}


def show_problems(layer: QgsVectorLayer) -> None:
    """A marker for each doubtful outline, by what is wrong with it; the reason in words is its map tip."""
    categories = [QgsRendererCategory(kind, _problem_marker(colour), text) for kind, (text, colour) in PROBLEMS.items()]
    categories.append(QgsRendererCategory("", _problem_marker("#000000"), "Other"))
    renderer = QgsCategorizedSymbolRenderer("kind", categories)
    present = {str(feature["kind"]) for feature in layer.getFeatures()}
    for index in reversed(range(len(categories))):
        if categories[index].value() not in present and (index < len(PROBLEMS) or present <= PROBLEMS.keys()):
            renderer.deleteCategory(index)
    layer.setRenderer(renderer)
    layer.setDisplayExpression('"text"')
    layer.setMapTipTemplate('[% "text" %]')


def _problem_marker(colour: str) -> QgsMarkerSymbol:
    return QgsMarkerSymbol.createSimple(
        {"name": "diamond", "size": "4", "color": colour, "outline_color": "#1a1a1a", "outline_width": "0.4"}
    )


def show_natural_colour(layer: QgsRasterLayer) -> None:
    """Red, green and blue in proportion, as the eye sees them: one stretch for all three, or soils turn purple."""
    numbers = [_band_number(layer, name) for name in NATURAL_COLOUR]
    if None in numbers:
        return
    provider = layer.dataProvider()
    cuts = [provider.cumulativeCut(number, *CUT, layer.extent(), CUT_SAMPLE) for number in numbers]
    renderer = QgsMultiBandColorRenderer(provider, *numbers)
    for number, set_stretch in zip(
        numbers,
        (renderer.setRedContrastEnhancement, renderer.setGreenContrastEnhancement, renderer.setBlueContrastEnhancement),
    ):
        stretch = QgsContrastEnhancement(provider.dataType(number))
        stretch.setContrastEnhancementAlgorithm(
            QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum
        )
        stretch.setMinimumValue(min(low for low, _ in cuts))
        stretch.setMaximumValue(max(high for _, high in cuts))
        set_stretch(stretch)
    layer.setRenderer(renderer)


def _band_number(layer: QgsRasterLayer, name: str) -> Optional[int]:
    for number in range(1, layer.bandCount() + 1):
        if name in layer.bandName(number).replace(":", " ").replace("(", " ").split():
            return number
    return None

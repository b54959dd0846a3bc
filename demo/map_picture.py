"""The demo's QGIS project, and a picture of its map with close-ups."""

from pathlib import Path
from typing import List, Optional, Tuple

from qgis.core import (
    QgsContrastEnhancement,
    QgsCoordinateTransform,
    QgsFillSymbol,
    QgsGeometry,
    QgsMapLayer,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QRect, QSize
from qgis.PyQt.QtGui import QColor, QFont, QImage, QPainter

MARGIN = 24
HEADER = 96
OVERVIEW = 1200
CLOSE_UPS = 3
CLOSE_UP = (OVERVIEW - (CLOSE_UPS - 1) * MARGIN) // CLOSE_UPS
INK, PAPER, QUIET = QColor("#1c2733"), QColor("#ffffff"), QColor("#5b6873")


def draw(output: Path, truth: Optional[Path]) -> None:
    """Write ``demo.qgz`` and ``map.png`` into the folder that holds the demo's results."""
    project = QgsProject.instance()
    layers, simulated = add_layers(project, output, truth)
    project.write(str(output / "demo.qgz"))
    # A label hides the farm that it names in a close-up, and hardly anybody can read it on the whole scene.
    layers[0].setLabelsEnabled(False)
    picture(layers, simulated).save(str(output / "map.png"))


def add_layers(project: QgsProject, output: Path, truth: Optional[Path]) -> Tuple[List[QgsMapLayer], bool]:
    """The layers, topmost first: detections, (true outlines,) probability, scene; and whether they are simulated."""
    from solar_saliency.solar_saliency_plugin.bridge.description import is_simulated
    from solar_saliency.solar_saliency_plugin.bridge.layers import describe
    from solar_saliency.solar_saliency_plugin.bridge.runs import run_of
    from solar_saliency.solar_saliency_plugin.bridge.styles import show_natural_colour

    probability = QgsRasterLayer(str(output / "probability.tif"), "Solar farm probability")
    simulated = is_simulated(run_of(probability))
    project.setTitle("Solar Saliency demo" + (" (simulated scene)" if simulated else ""))
    scene = QgsRasterLayer(str(output / "scene.tif"), "Scene, natural colour" + (" (simulated)" if simulated else ""))
    show_natural_colour(scene)
    share_stretch(scene)
    layers: List[QgsMapLayer] = [
        QgsVectorLayer(str(output / "detections.gpkg"), "Solar farm detections", "ogr"),
        probability,
        scene,
    ]
    for layer in layers[:2]:
        layer.loadDefaultStyle()
        describe(layer, run_of(layer))
    if truth:
        outlines = QgsVectorLayer(str(truth), "True outlines (simulated)", "ogr")
        outlines.renderer().setSymbol(
            QgsFillSymbol.createSimple(
                {"style": "no", "outline_color": "#ffffff", "outline_style": "dash", "outline_width": "0.4"}
            )
        )
        layers.insert(1, outlines)
    project.setCrs(scene.crs())
    for layer in layers:
        project.addMapLayer(layer, False)
        project.layerTreeRoot().addLayer(layer)
    return layers, simulated


def share_stretch(scene: QgsRasterLayer) -> None:
    """Stretch red, green and blue alike, over all that any of them is stretched over: hues stay true that way."""
    renderer = scene.renderer()
    bands = (renderer.redContrastEnhancement, renderer.greenContrastEnhancement, renderer.blueContrastEnhancement)
    limits = [(band().minimumValue(), band().maximumValue()) for band in bands]
    setters = (
        renderer.setRedContrastEnhancement,
        renderer.setGreenContrastEnhancement,
        renderer.setBlueContrastEnhancement,
    )
    for band, setter in zip(bands, setters):
        enhancement = QgsContrastEnhancement(band())
        enhancement.setMinimumValue(min(low for low, _ in limits))
        enhancement.setMaximumValue(max(high for _, high in limits))
        setter(enhancement)


def picture(layers: List[QgsMapLayer], simulated: bool) -> QImage:
    """The whole scene on the left; on the right three detections, without and with what was found."""
    scene, detections = layers[-1], layers[0]
    width = MARGIN + OVERVIEW + MARGIN + CLOSE_UP + 8 + CLOSE_UP + MARGIN
    image = QImage(width, HEADER + OVERVIEW + 2 * MARGIN + 16, QImage.Format.Format_RGB32)
    image.fill(PAPER)
    painter = QPainter(image)
    kind = "SIMULATED Sentinel-2 scene" if simulated else "Sentinel-2 scene"
    write(painter, MARGIN, 44, "Solar farms found by Solar Saliency", 22, bold=True)
    write(painter, MARGIN, 76, f"{kind}, {counted(detections.featureCount())}", 13, QUIET)
    painter.drawImage(MARGIN, HEADER, rendered(layers, scene.extent(), QSize(OVERVIEW, OVERVIEW)))
    scale_bar(painter, scene)
    left = MARGIN + OVERVIEW + MARGIN
    for text, x in (("As the satellite sees it", left), ("With probability and detections", left + CLOSE_UP + 8)):
        write(painter, x, 86, text, 11, QUIET)
    for row, extent in enumerate(close_ups(detections, scene)):
        top = HEADER + row * (CLOSE_UP + MARGIN)
        size = QSize(CLOSE_UP, CLOSE_UP)
        painter.drawImage(left, top, rendered([scene], extent, size))
        painter.drawImage(left + CLOSE_UP + 8, top, rendered(layers, extent, size))
        write(painter, left, top + CLOSE_UP + 17, f"{extent.width():.0f} m wide", 9, QUIET)
    write(painter, MARGIN, image.height() - 14, legend(with_truth=len(layers) > 3), 11, QUIET)
    painter.end()
    return image


def counted(number: int) -> str:
    """How many detections, in words."""
    return "1 detection" if number == 1 else f"{number} detections"


def legend(with_truth: bool) -> str:
    """What the colours mean, in words."""
    dashed = " Dashed white: the true outlines." if with_truth else ""
    return f"Outlined: detections. Yellow to magenta: probability from the model's threshold to 1.{dashed}"


def rendered(layers: List[QgsMapLayer], extent: QgsRectangle, size: QSize) -> QImage:
    """A map of the layers, topmost first, in the CRS of the last."""
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(layers[-1].crs())
    settings.setExtent(extent)
    settings.setOutputSize(size)
    settings.setBackgroundColor(QColor("#e9ecef"))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    return job.renderedImage()


def close_ups(detections: QgsVectorLayer, scene: QgsRasterLayer) -> List[QgsRectangle]:
    """Extents around the largest, a middling and the smallest of the detections that lie apart."""
    to_scene = QgsCoordinateTransform(detections.crs(), scene.crs(), QgsProject.instance())
    apart: List[QgsRectangle] = []
    for feature in sorted(detections.getFeatures(), key=lambda f: -f["area_ha"]):
        geometry = QgsGeometry(feature.geometry())
        geometry.transform(to_scene)
        extent = surroundings(geometry.boundingBox())
        if not any(extent.intersects(other) for other in apart):
            apart.append(extent)
    return [apart[i] for i in sorted({0, len(apart) // 2, len(apart) - 1})] if apart else []


def surroundings(box: QgsRectangle) -> QgsRectangle:
    """A square around a detection, twice its size, at least 400 m."""
    side = max(400.0, 2.0 * max(box.width(), box.height()))
    return QgsRectangle.fromCenterAndSize(box.center(), side, side)


def scale_bar(painter: QPainter, scene: QgsRasterLayer) -> None:
    """A bar of a round length in the overview's lower left corner."""
    metres_per_pixel = max(scene.extent().width(), scene.extent().height()) / OVERVIEW
    length = max(d * 10**k for k in range(7) for d in (1, 2, 5) if d * 10**k < 260 * metres_per_pixel)
    bar = QRect(MARGIN + 24, HEADER + OVERVIEW - 34, round(length / metres_per_pixel), 8)
    painter.fillRect(bar.adjusted(-12, -28, 12, 10), QColor(255, 255, 255, 210))
    painter.fillRect(bar, INK)
    write(painter, bar.x(), bar.y() - 7, f"{length / 1000:g} km", 11)


def write(painter: QPainter, x: int, y: int, text: str, points: int, colour: QColor = INK, bold: bool = False) -> None:
    """One line of text; ``y`` is its base line."""
    font = QFont("DejaVu Sans", points)
    font.setBold(bold)
    painter.setFont(font)
    painter.setPen(colour)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    painter.drawText(x, y, text)

"""Results on the map: style, name, group, metadata; and what a layer says of how it was made."""

import os
from dataclasses import dataclass
from itertools import chain, count
from typing import Any, Callable, Dict, Iterable, List, Optional, Set

from osgeo import gdal
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsContrastEnhancement,
    QgsFeatureRequest,
    QgsFillSymbol,
    QgsLayerTreeGroup,
    QgsLayerTreeLayer,
    QgsMapLayer,
    QgsMarkerSymbol,
    QgsMultiBandColorRenderer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingUtils,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsRendererCategory,
    QgsSimpleFillSymbolLayer,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from ..contract.errors import OutputUnwritableError
from ..contract.provenance import RUN_TAG, parse_run
from ..qgis_compat import RASTER_LAYER, VECTOR_LAYER
from .description import description, is_simulated
from .targets import NAMELESS, target_name

NATURAL_COLOUR = ("B04", "B03", "B02")

#: What made a raster that may be a scene: nobody knows, or the engine.
SCENES = ("", "preparescene", "samplescene")

#: What the names of the groups begin with that hold the answers to one question.
WHY = "Why: "

#: Shares of the values below which all is black and above which all is white; how many pixels are looked at.
CUT = (0.02, 0.96)
CUT_SAMPLE = 250_000

#: Post-processors that wait for their layer. QGIS keeps no reference to them, and one that hangs on the algorithm is
#: gone when a model has run its step (QGIS #47533, #48087): only a module-level home lives long enough.
_waiting: Set["ShownResult"] = set()


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


@dataclass(frozen=True)
class Presentation:
    """How a result is shown: its name, and its style, unless it brings one along.

    The scene whose group it goes to, and whether it is simulated, it says itself; else ``scene`` and ``simulated`` do.
    ``group``: a group of its own inside the scene's.
    """

    name: str
    style: Callable[[Any], None] = show_own_style
    scene: str = ""
    simulated: bool = False
    group: str = ""


class ShownResult(QgsProcessingLayerPostProcessorInterface):
    """Gives one result layer its style, name, metadata and place, once it is on the map."""

    def __init__(self, presentation: Presentation) -> None:
        super().__init__()
        self._presentation = presentation

    def postProcessLayer(  # noqa: D102, N802
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        _waiting.discard(self)
        run = run_of(layer)
        scene = (run.get("scene") or {}).get("id") or self._presentation.scene
        group = self._presentation.group
        if group == WHY + NAMELESS:
            group = WHY + target_name(run)
        project = context.project() or QgsProject.instance()
        move_to_group(project, layer, f"Solar Saliency: {scene}", group)
        dress(layer, self._presentation, project)


def dress(layer: QgsMapLayer, presentation: Presentation, project: QgsProject) -> None:
    """Give a layer its name, style and metadata; in a group of its question, a number where names are alike."""
    run = run_of(layer)
    simulated = presentation.simulated or is_simulated(run)
    name = presentation.name + (" (simulated)" if simulated else "")
    layer.setName(_numbered(name, layer, project) if presentation.group else name)
    presentation.style(layer)
    if run:
        describe(layer, run)
    layer.triggerRepaint()


def _numbered(name: str, layer: QgsMapLayer, project: QgsProject) -> str:
    """A name that no other layer of the same group has: the same question may be asked again."""
    node = project.layerTreeRoot().findLayer(layer.id())
    siblings = node.parent().children() if node is not None else []
    known = {sibling.name() for sibling in siblings if sibling is not node}
    names = chain([name], (f"{name} ({number})" for number in count(2)))
    return next(free for free in names if free not in known)


def show_when_loaded(context: QgsProcessingContext, path: str, presentation: Presentation) -> None:
    """Have the layer of ``path`` presented so, if the user asked for it to be loaded."""
    if not context.willLoadLayerOnCompletion(path):
        return
    result = ShownResult(presentation)
    _waiting.add(result)
    context.layerToLoadOnCompletionDetails(path).setPostProcessor(result)


def forget_waiting() -> None:
    """Drop the post-processors whose layers never came: their run failed while loading, or was cancelled."""
    _waiting.clear()


def file_of(layer: QgsMapLayer) -> str:
    """The path (or GDAL name) of a layer's data; empty if it comes from no file, such as a web service."""
    provider = layer.providerType()
    if provider not in ("gdal", "ogr"):
        return ""
    parts = QgsProviderRegistry.instance().decodeUri(provider, layer.source())
    if parts.get("vsiPrefix"):
        return str(parts["vsiPrefix"]) + str(parts["path"]) + str(parts.get("vsiSuffix") or "")
    return str(parts.get("path") or "")


def source_of(layer: QgsVectorLayer) -> str:
    """The file of a vector layer with the layer's name in it, as ``file.gpkg|layername=x``; empty if in no file."""
    path = file_of(layer)
    name = QgsProviderRegistry.instance().decodeUri("ogr", layer.source()).get("layerName") if path else ""
    return f"{path}|layername={name}" if name else path


@dataclass(frozen=True)
class Features:
    """The features of a vector layer that count: all, the selected ones, or the first ones that an expression picks."""

    layer: QgsVectorLayer
    selected_only: bool = False
    limit: int = -1
    expression: str = ""

    def why_copied(self) -> str:
        """Why the engine would not read in the layer's file what counts; empty where it would."""
        path = source_of(self.layer)
        reasons = {
            "lies in no file": not path,
            "counts with its selected features only": self.selected_only,
            "counts with a part of its features only": self.limit >= 0 or bool(self.expression),
            "is filtered": bool(self.layer.subsetString()),
            "has changes that are not saved": self.layer.isModified(),
            "lies in an archive": path.startswith("/vsi"),
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def copy(self) -> str:
        """Write them to a temporary GeoPackage, and give its path. Call it on the project's own thread.

        Raises OutputUnwritableError.
        """
        layer = self.layer
        if self.selected_only:
            layer = layer.materialize(QgsFeatureRequest().setFilterFids(layer.selectedFeatureIds()))
        if self.limit >= 0 or self.expression:
            request = QgsFeatureRequest().setLimit(self.limit)
            layer = layer.materialize(request.setFilterExpression(self.expression) if self.expression else request)
        path = QgsProcessingUtils.generateTempFilename("outlines.gpkg")
        wanted = QgsVectorFileWriter.SaveVectorOptions()
        wanted.driverName = "GPKG"
        wanted.layerName = "outlines"
        # A feature's own number would have to be unique, and edit buffers hold negative ones.
        fid = layer.fields().lookupField("fid")
        wanted.attributes = [index for index in layer.fields().allAttributesList() if index != fid]
        wanted.skipAttributeCreation = not wanted.attributes
        problem, told, *_ = QgsVectorFileWriter.writeAsVectorFormatV3(
            layer, path, QgsProject.instance().transformContext(), wanted
        )
        if problem != QgsVectorFileWriter.WriterError.NoError:
            raise OutputUnwritableError(
                f"“{self.layer.name()}” cannot be copied into a GeoPackage: {told}.", "Save it to a file."
            )
        return f"{path}|layername=outlines"


def run_of(layer: QgsMapLayer) -> Dict[str, Any]:
    """How the layer's data was made, as the engine wrote it; empty for any other layer."""
    path = file_of(layer)
    if layer.type() == RASTER_LAYER:
        return run_of_raster(path)
    return _parsed(_geopackage_tag, path, layer) if path.lower().endswith(".gpkg") else {}


def is_result(layer: QgsMapLayer) -> bool:
    """Whether the engine made the layer's data, other than as a scene to start from."""
    return run_of(layer).get("method", "") not in SCENES


def run_of_raster(path: str) -> Dict[str, Any]:
    """How a raster file was made, as the engine wrote it; empty for any other file."""
    return _parsed(_raster_tag, path) if path.lower().endswith((".tif", ".tiff")) else {}


def _parsed(read: Callable[..., Optional[str]], *arguments: Any) -> Dict[str, Any]:
    try:
        return parse_run(read(*arguments) or "")
    except (RuntimeError, UnicodeError):  # GDAL's, where its exceptions are on, and a tag's that is no text
        return {}


def _raster_tag(path: str) -> Optional[str]:
    dataset = gdal.OpenEx(path, gdal.OF_RASTER)
    return dataset.GetMetadataItem(RUN_TAG) if dataset else None


def _geopackage_tag(path: str, layer: QgsMapLayer) -> Optional[str]:
    name = QgsProviderRegistry.instance().decodeUri("ogr", layer.source()).get("layerName")
    dataset = gdal.OpenEx(path, gdal.OF_VECTOR)
    if dataset is None:
        return None
    found = dataset.GetLayerByName(name) if name else dataset.GetLayer(0)
    return found.GetMetadataItem(RUN_TAG) if found else None


def describe(layer: QgsMapLayer, run: Dict[str, Any]) -> None:
    """Put how the layer was made where QGIS shows it: Layer Properties ▸ Information."""
    metadata = layer.metadata()
    metadata.setTitle(layer.name())
    metadata.setAbstract("\n".join(description(run)))
    layer.setMetadata(metadata)


def move_to_group(project: QgsProject, layer: QgsMapLayer, name: str, inner: str = "") -> None:
    """Move a layer into the group of that name, or into the group ``inner`` of that group, and make it visible.

    Polygons lie on top, then groups, then rasters, a scene at the bottom; of the same kind, the newest on top.
    Processing in QGIS 3.22 cannot do so itself (LayerDetails.groupName came later).
    """
    root = project.layerTreeRoot()
    node = root.findLayer(layer.id())
    if node is None:
        return
    group = root.findGroup(name) or root.insertGroup(0, name)
    place = _place(group, _kind(layer), layer)
    if inner:
        group = group.findGroup(inner) or group.insertGroup(_place(group, _GROUP, layer), inner)
        place = _place(group, min(_kind(layer), _MAP), layer)
    clone = node.clone()
    group.insertChildNode(place, clone)
    node.parent().removeChildNode(node)
    clone.setItemVisibilityCheckedParentRecursive(True)  # QGIS added it where the current layer is: maybe out of sight
    if inner:
        _hide_beneath(root, clone)


def _hide_beneath(root: QgsLayerTreeGroup, shown: QgsLayerTreeLayer) -> None:
    """Uncheck, once, what an explanation would be seen through: other explanations, and the scene's other results."""
    scenes = shown.parent().parent()
    for node in root.findLayers():
        explains = node.parent().name().startswith(WHY)
        if node.layerId() == shown.layerId() or not (explains or node.parent() == scenes):
            continue
        layer = node.layer()
        if layer is not None and layer.type() == RASTER_LAYER and is_result(layer):
            node.setItemVisibilityChecked(False)


#: What lies in a group, from top to bottom.
_POLYGONS, _GROUP, _MAP, _SCENE = range(4)


def _kind(layer: QgsMapLayer) -> int:
    if layer.type() == VECTOR_LAYER:
        return _POLYGONS
    several = isinstance(layer, QgsRasterLayer) and layer.bandCount() > 1
    return _SCENE if several and run_of(layer).get("method", "") in SCENES else _MAP


def _place(group: QgsLayerTreeGroup, kind: int, but: Optional[QgsMapLayer] = None) -> int:
    """Where something of a kind is put in among a group's children."""
    children = group.children()
    if kind == _SCENE:
        return len(children)
    for position, child in enumerate(children):
        known = child.layer() if isinstance(child, QgsLayerTreeLayer) else None
        if isinstance(child, QgsLayerTreeLayer) and (known is None or known is but):
            continue
        if (_GROUP if known is None else _kind(known)) >= kind:
            return position
    return len(children)


def layers_of(project: QgsProject, paths: Iterable[str]) -> List[QgsMapLayer]:
    """The project's layers that show one of these files."""
    wanted = {os.path.realpath(path) for path in paths}
    known = ((layer, file_of(layer)) for layer in project.mapLayers().values())
    return [layer for layer, path in known if path and os.path.realpath(path) in wanted]


def reload_layers(project: QgsProject, paths: Iterable[str]) -> None:
    """Show the new content of files that were replaced under open layers: QGIS would go on showing the old pixels."""
    for layer in layers_of(project, paths):
        layer.reload()
        layer.triggerRepaint()

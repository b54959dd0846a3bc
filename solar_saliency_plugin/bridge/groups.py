"""Where results lie in the layer tree, and what a new one hides."""

from typing import Optional

from qgis.core import QgsLayerTreeGroup, QgsLayerTreeLayer, QgsMapLayer, QgsProject, QgsRasterLayer

from ..qgis_compat import RASTER_LAYER, VECTOR_LAYER
from .runs import SCENES, is_result, run_of

#: What the names of the groups begin with that hold the answers to one question.
WHY = "Why: "


def move_to_group(project: QgsProject, layer: QgsMapLayer, name: str, inner: str = "", visible: bool = True) -> None:
    """Move a layer into the group of that name, or into the group ``inner`` of that group, and make it visible or not.

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
    if not visible:
        clone.setItemVisibilityChecked(False)
    elif inner:
        _hide_beneath(root, clone)


def _hide_beneath(root: QgsLayerTreeGroup, shown: QgsLayerTreeLayer) -> None:
    """Uncheck, once, what an explanation would be seen through: other explanations, and the scene's other results."""
    scenes = shown.parent().parent()
    for node in root.findLayers():
        explains = node.parent().name().startswith(WHY)
        if node.layerId() == shown.layerId() or not (explains or node.parent() == scenes):
            continue
        layer = node.layer()
        if layer is not None and (explains or layer.type() == RASTER_LAYER) and is_result(layer):
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

"""The input of a target: a polygon or point as text with its CRS, or what is selected on the map."""

from typing import Any, List, Optional

from qgis.core import (
    QgsGeometry,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProject,
    QgsReferencedGeometry,
)
from qgis.gui import QgsProcessingGui
from qgis.PyQt.QtWidgets import QHBoxLayout, QLineEdit, QMessageBox, QPushButton, QWidget

from ..bridge.coordinate_systems import crs_text
from ..qgis_compat import POINT_GEOMETRY, POLYGON_GEOMETRY, VECTOR_LAYER
from .native_widgets import OwnWidget

#: The parameter with a layer that may be explained instead.
INSTEAD = "POLYGONS"


class TargetWidget(OwnWidget):
    """A line of text and a button; in the model designer QGIS's own widget.

    QGIS's widget for geometries (3.22) drops the CRS of a text, and the target would be looked for elsewhere.
    """

    def createWidget(self) -> QWidget:  # noqa: D102
        self._line = QLineEdit()
        self._takes_points = POINT_GEOMETRY in self.parameterDefinition().geometryTypes()
        self._line.setPlaceholderText(
            "Such as CRS=EPSG:4326;POINT(16.3 48.2)" if self._takes_points else "Such as CRS=EPSG:4326;POLYGON((…))"
        )
        self._line.setClearButtonEnabled(True)
        self._line.textChanged.connect(lambda: self.widgetValueHasChanged.emit(self))
        selected = QPushButton("Selected")
        what = "the polygons or the point" if self._takes_points else "the polygons"
        selected.setToolTip(f"Take {what} that are selected on the map")
        selected.clicked.connect(self._take_selected)
        widget = QWidget()
        layout = QHBoxLayout(widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._line, 1)
        layout.addWidget(selected)
        return widget

    def postInitialize(self, wrappers: List[Any]) -> None:
        """Keep a layer of polygons from standing beside this: only one of them can be explained, the one named last."""
        layer = next((other for other in wrappers if other.parameterDefinition().name() == INSTEAD), None)
        if layer is not None and self.dialogType == QgsProcessingGui.WidgetType.Standard:
            layer.widgetValueHasChanged.connect(lambda: layer.parameterValue() and self.setValue(None))
            self.widgetValueHasChanged.connect(lambda: self.value() and _empty(layer))

    def setValue(self, value: Any) -> None:  # noqa: D102
        self._line.setText(_as_text(value))
        self._line.setCursorPosition(0)

    def value(self) -> Any:  # noqa: D102
        return self._line.text().strip() or None

    def _take_selected(self) -> None:
        found = selected_geometry(self._takes_points)
        if found is not None:
            self.setValue(found)
            return
        QMessageBox.information(
            self.widget,
            self.parameterDefinition().description(),
            f"No polygon {'or point ' if self._takes_points else ''}is selected. Select a detection, or polygons that "
            "you drew, on the map.",
        )


def _empty(layer: Any) -> None:
    if layer.parameterValue():
        layer.setParameterValue(None, QgsProcessingContext())


def _as_text(value: Any) -> str:
    if isinstance(value, QgsReferencedGeometry):
        crs = value.crs()
        return (f"CRS={crs_text(crs)};" if crs.isValid() else "") + value.asWkt()
    return value.asWkt() if isinstance(value, QgsGeometry) else str(value or "")


def selected_geometry(points: bool = True) -> Optional[QgsReferencedGeometry]:
    """What is selected in the topmost layer that has something selected which can be a target, or a region."""
    order = QgsProject.instance().layerTreeRoot().layerOrder()
    for layer in order:
        if _may_hold_targets(layer, points) and layer.selectedFeatureCount():
            parts = [feature.geometry() for feature in layer.selectedFeatures() if feature.hasGeometry()]
            if parts and (layer.geometryType() == POLYGON_GEOMETRY or len(parts) == 1):
                return QgsReferencedGeometry(QgsGeometry.unaryUnion(parts), layer.crs())
    return None


def _may_hold_targets(layer: QgsMapLayer, points: bool) -> bool:
    kinds = (POLYGON_GEOMETRY, POINT_GEOMETRY) if points else (POLYGON_GEOMETRY,)
    return layer.type() == VECTOR_LAYER and layer.geometryType() in kinds

"""Which features of a vector layer count, and a copy of them where the engine could not read them itself."""

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from qgis.core import (
    QgsFeature,
    QgsFeatureRequest,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingUtils,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from ..contract.errors import OutputUnwritableError
from .runs import source_of


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

    def only(self) -> Optional[QgsFeature]:
        """The feature that counts, where it is one."""
        request = QgsFeatureRequest().setLimit(2 if self.limit < 0 else min(self.limit, 2))
        if self.expression:
            request.setFilterExpression(self.expression)
        among = self.layer.getSelectedFeatures if self.selected_only else self.layer.getFeatures
        found = list(among(request))
        return found[0] if len(found) == 1 else None

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
        source = f"{path}|layername=outlines"
        if not self.expression:  # no QGIS before 3.32 could be told of it
            _copied[source] = (self.layer.id(), self.selected_only, self.limit)
        return source


#: What the copies of this session were made of: a layer's id, whether of its selected features only, how many.
_copied: Dict[str, Tuple[str, bool, int]] = {}


def origin(source: str) -> Optional[QgsProcessingFeatureSourceDefinition]:
    """What a copy was made of, as a dialog takes it; None of any other source, and where that layer is gone."""
    layer, selected_only, limit = _copied.get(source, ("", False, -1))
    if QgsProject.instance().mapLayer(layer) is None:
        return None
    return QgsProcessingFeatureSourceDefinition(layer, selected_only, limit)

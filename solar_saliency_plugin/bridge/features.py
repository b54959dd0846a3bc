"""Which features of a vector layer count, and a copy of them where the engine could not read them itself."""

import os
from dataclasses import dataclass
from typing import Dict, FrozenSet, Optional

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

#: A copy's file, in a folder of its own that lasts as long as the session of QGIS, and the layer in it.
_FILE, _LAYER = "outlines.gpkg", "outlines"


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

    def count(self) -> int:
        """How many count; −1 where nobody knows without reading them all."""
        if self.expression:
            return -1
        found = self.layer.selectedFeatureCount() if self.selected_only else self.layer.featureCount()
        return int(min(found, self.limit) if self.limit >= 0 else max(found, -1))

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
        path = QgsProcessingUtils.generateTempFilename(_FILE)
        wanted = QgsVectorFileWriter.SaveVectorOptions()
        wanted.driverName = "GPKG"
        wanted.layerName = _LAYER
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
        source = f"{path}|layername={_LAYER}"
        if not self.expression:  # no QGIS before 3.32 could be told of it
            _copied[source] = _Copied(self.layer.id(), self._selected(), self.limit)
        return source

    def _selected(self) -> Optional[FrozenSet[int]]:
        """The ids of the selected features, where they alone count."""
        return frozenset(self.layer.selectedFeatureIds()) if self.selected_only else None


@dataclass(frozen=True)
class _Copied:
    """What a copy was made of: a layer's id, the ids of its features where only selected ones counted, how many."""

    layer: str
    selected: Optional[FrozenSet[int]]
    limit: int


#: What the copies of this session were made of.
_copied: Dict[str, _Copied] = {}


def is_lost(source: str) -> bool:
    """Whether a source is a copy that is gone, with the session of QGIS that made it."""
    path, _, layer = source.partition("|layername=")
    return layer == _LAYER and os.path.basename(path) == _FILE and not os.path.exists(path)


def origin(source: str) -> Optional[QgsProcessingFeatureSourceDefinition]:
    """What a copy was made of, as a dialog takes it; None of any other source, and where the copy is all that is left.

    That is so where its layer is gone, or other features of it are selected by now than those that were copied.
    """
    made = _copied.get(source)
    layer = QgsProject.instance().mapLayer(made.layer) if made is not None else None
    if layer is None or made.selected not in (None, frozenset(layer.selectedFeatureIds())):
        return None
    return QgsProcessingFeatureSourceDefinition(made.layer, made.selected is not None, made.limit)

"""Results on the map: name, style, metadata; the project's layers that show them."""

import os
from dataclasses import dataclass
from itertools import chain, count
from typing import Any, Callable, Dict, Iterable, List, Set

from qgis.core import (
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProject,
)

from .description import description, is_simulated
from .groups import WHY, move_to_group
from .runs import file_of, run_of
from .styles import show_own_style
from .targets import NAMELESS, target_name

#: Post-processors that wait for their layer. QGIS keeps no reference to them, and one that hangs on the algorithm is
#: gone when a model has run its step (QGIS #47533, #48087): only a module-level home lives long enough.
_waiting: Set["ShownResult"] = set()


@dataclass(frozen=True)
class Presentation:
    """How a result is shown: its name, and its style, unless it brings one along.

    The scene whose group it goes to, and whether it is simulated, it says itself; else ``scene`` and ``simulated`` do.
    ``group``: a group of its own inside the scene's. ``layer``: of a file with several tables, the one that is shown.
    ``behind``: a file that shows the same, and better: where a layer of it is there, this one starts unchecked.
    """

    name: str
    style: Callable[[Any], None] = show_own_style
    scene: str = ""
    simulated: bool = False
    group: str = ""
    layer: str = ""
    behind: str = ""


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
        behind = self._presentation.behind
        shown_better = bool(behind) and bool(layers_of(project, [behind]))
        move_to_group(project, layer, f"Solar Saliency: {scene}", group, visible=not shown_better)
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
    if presentation.layer:
        waiting = context.layersToLoadOnCompletion()
        details = waiting.pop(path)
        path = f"{path}|layername={presentation.layer}"
        context.setLayersToLoadOnCompletion({**waiting, path: details})
    result = ShownResult(presentation)
    _waiting.add(result)
    context.layerToLoadOnCompletionDetails(path).setPostProcessor(result)


def forget_waiting() -> None:
    """Drop the post-processors whose layers never came: their run failed while loading, or was cancelled."""
    _waiting.clear()


def describe(layer: QgsMapLayer, run: Dict[str, Any]) -> None:
    """Put how the layer was made where QGIS shows it: Layer Properties ▸ Information."""
    metadata = layer.metadata()
    metadata.setTitle(layer.name())
    metadata.setAbstract("\n".join(description(run)))
    layer.setMetadata(metadata)


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

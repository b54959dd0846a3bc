"""Where a learned model goes: a folder that is written whole or not at all, and replaces nothing but a model."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...contract.errors import OutputUnwritableError, RequestError
from ...contract.places import SHIPPED_MODELS, models_folder
from ..imagery.outputs import scratch_folder
from ..models.install import NAME
from ..models.registry import CARD, HASH, WEIGHTS

CURVE = "curve.png"
PROBLEMS = "problems.gpkg"

#: All that a training writes into the folder of its model.
_OURS = {CARD, HASH, WEIGHTS, CURVE, PROBLEMS}


def check_model_output(path: str) -> Path:
    """The absolute path of the model folder to write, after making sure that it can be.

    The folder may be there, empty or with a model of training's own in it, which will be replaced. Raises
    :class:`RequestError` or :class:`OutputUnwritableError`; nothing is changed.
    """
    if not path.strip():
        raise RequestError("No output was given.", "Choose the folder that the model is to be written to.")
    folder = Path(os.path.normpath(Path(path).expanduser().absolute()))
    if not NAME.fullmatch(folder.name):
        plain = re.sub(r"[^a-z0-9._-]+", "-", folder.name.lower()).strip("-._")[:64]
        raise RequestError(
            f"The folder's name becomes the model's name, and “{folder.name}” is no plain lower-case name.",
            f"Use small letters, digits, hyphens and dots, such as “{plain or 'my-model'}”.",
        )
    if folder.parent.resolve() == SHIPPED_MODELS.resolve():
        raise OutputUnwritableError("The plugin's own models are not replaced.", "Choose another folder.")
    if folder.parent.resolve() == models_folder().resolve():
        raise OutputUnwritableError(
            "Installed models lie in that folder, and learning does not replace any of them.",
            "Choose a folder elsewhere, and install the model when it is there.",
        )
    if not folder.parent.is_dir():
        raise OutputUnwritableError(f"There is no folder {folder.parent}.", "Create it, or choose another place.")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputUnwritableError(f"{folder} is there already, and is no folder.", "Choose another name.")
    if folder.is_dir():
        _require_replaceable(folder)
    try:
        with scratch_folder(folder):
            pass
    except OSError as error:
        raise OutputUnwritableError(
            f"The folder {folder.parent} cannot be written to ({error.strerror}).",
            "Choose a folder that you may write to.",
        ) from error
    return folder


def _require_replaceable(folder: Path) -> None:
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise OutputUnwritableError(f"{folder} cannot be read ({error.strerror}).", "Choose another folder.") from error
    if names and not (CARD in names and names <= _OURS):
        raise OutputUnwritableError(
            f"{folder} holds something else than a model: {', '.join(sorted(names - _OURS)[:3]) or 'no card'}.",
            "Choose a new folder; only a model that was learned before is replaced.",
        )


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which takes the place of ``folder`` when the block ends well; else nothing changes."""
    with scratch_folder(folder) as scratch:
        new, old = scratch / "new", scratch / "old"
        new.mkdir()
        yield new
        if folder.is_dir():
            _require_replaceable(folder)  # it may have changed while the network learned
            os.rename(folder, old)
        try:
            os.rename(new, folder)
        except OSError:
            if old.is_dir():
                os.rename(old, folder)
            raise

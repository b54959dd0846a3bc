"""The methods ``installmodel``, ``removemodel`` and ``listmodels``: the user's own models, beside the shipped ones.

Nothing is copied that was not checked: a model folder's files are read once, and what was read is what is written.
Names are plain words, so that no request can reach out of the folder of installed models.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...contract.errors import ModelInvalidError, ModelNotFoundError, ModelNotTrustedError, RequestError
from ...contract.model import (
    InstallModelRequest,
    InstallModelResult,
    ListModelsRequest,
    ListModelsResult,
    RemoveModelRequest,
    RemoveModelResult,
)
from ...contract.places import DEFAULT_FILE, SHIPPED_DEFAULT, chosen_default, models_folder
from ..imagery.outputs import translate_os_error
from ..job import Job
from .card import Card
from .registry import (
    CARD,
    MAXIMUM_SIZE,
    NETWORKS,
    WEIGHTS,
    InstalledModel,
    build_unet,
    default_model,
    installed_models,
    is_shipped,
    read_files,
    trust_record,
)

#: What a model may be called: a plain word that every file system takes as a folder's name.
NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9_-])?")

#: Names that mean something else: here, or as devices on Windows.
_RESERVED = re.compile(r"default(\..*)?|(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")

_TRUST_HINT = (
    "A network saved by torch.export or as TorchScript can do whatever your account can do. If you know who made it "
    "and trust them, say so (“trust”)."
)


@dataclass(frozen=True)
class _Checked:
    """A model that was found good: what is to be written, byte for byte."""

    card: Card
    network: bytes
    network_name: str

    @property
    def network_sha256(self) -> str:
        return hashlib.sha256(self.network).hexdigest()

    @property
    def is_program(self) -> bool:
        return self.network_name != WEIGHTS


def install_model(request: InstallModelRequest, job: Job) -> InstallModelResult:
    """Check the model in ``request.source``, and copy it into the folder of installed models, in one step.

    Raises :class:`ModelNotTrustedError` before a byte of a program is parsed that the user has not said to trust,
    :class:`RequestError` for a name that cannot be used, and what :func:`~.registry.load_model` raises.
    """
    source = Path(request.source).expanduser().absolute()
    name = _new_name(request.name or _name_from(source), request.replace)
    checked = _checked_folder(source, request, job) if source.is_dir() else _checked_file(source, request, job)
    title = request.title or (checked.card.title if source.is_dir() else name)
    checked = replace(checked, card=replace(checked.card, name=name, title=title))
    job.progress(0.95, f"Copying to {models_folder()}")
    replaced = _write(checked, models_folder() / name, request.replace)
    job.finish("Installed")
    return InstallModelResult(
        name=name,
        title=title,
        folder=str(models_folder() / name),
        sha256=checked.card.identity(checked.network),
        replaced=replaced,
        warnings=tuple(job.warnings),
    )


def remove_model(request: RemoveModelRequest, job: Job) -> RemoveModelResult:
    """Remove an installed model of the user's own; what “default” stands for afterwards is told.

    Raises :class:`ModelNotFoundError` where there is none, :class:`RequestError` for one that comes with the plugin.
    """
    entry = next((e for e in installed_models() if e.name == request.name and not e.shipped), None)
    if entry is None:
        if is_shipped(request.name):
            raise RequestError(f"The model “{request.name}” comes with the plugin: it stays.", "Choose one of yours.")
        raise _not_found(request.name, [e for e in installed_models() if not e.shipped])
    was_default = chosen_default() == entry.name and not is_shipped(entry.name)
    try:
        with _scratch_folder() as scratch:
            os.rename(entry.folder, scratch / entry.name)
            trust_record(entry.name).unlink(missing_ok=True)
            if was_default:
                (models_folder() / DEFAULT_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise translate_os_error(error) from error
    if was_default:
        job.warn(f"“{entry.name}” was the default model. From now on that is “{SHIPPED_DEFAULT}”.")
    job.finish("Removed")
    return RemoveModelResult(
        name=entry.name, folder=str(entry.folder), default=default_model(job.warn), warnings=tuple(job.warnings)
    )


def list_models(request: ListModelsRequest, job: Job) -> ListModelsResult:
    """The installed models, and which one “default” stands for; ``request.default`` makes another one that.

    Raises :class:`ModelNotFoundError` and :class:`ModelInvalidError` where the new default cannot be used.
    """
    entries = installed_models()
    if request.default and request.default != "default":
        entry = next((e for e in entries if e.name == request.default), None)
        if entry is None:
            raise _not_found(request.default, [e for e in entries if not e.problem])
        if entry.problem:
            raise ModelInvalidError(
                f"The model “{entry.name}” cannot be the default: {entry.problem}", "Choose another one."
            )
        _write_default(entry.name)
    return ListModelsResult(
        models=[_told(entry) for entry in entries], default=default_model(job.warn), warnings=tuple(job.warnings)
    )


def _told(entry: InstalledModel) -> dict[str, Any]:
    return {**asdict(entry), "folder": str(entry.folder)}


def _not_found(name: str, offered: list[InstalledModel]) -> ModelNotFoundError:
    names = ", ".join(entry.name for entry in offered)
    return ModelNotFoundError(
        f"There is no installed model “{name}”.", f"There is: {names}." if names else "None was installed yet."
    )


def _name_from(source: Path) -> str:
    """A model's name from its folder's or file's name."""
    stem = source.name if source.is_dir() else source.stem
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")[:64].rstrip(".") or "network"


def _new_name(name: str, may_replace: bool) -> str:
    """The name, if a model may be installed under it."""
    if not NAME.fullmatch(name) or _RESERVED.fullmatch(name):
        raise RequestError(
            f"A model cannot be called “{name}”.",
            "Use small letters a–z, digits, “-”, “_” and “.”, at most 64 of them, and no name with a meaning of its "
            "own (default, con, nul …).",
        )
    if is_shipped(name):
        raise RequestError(f"A model called “{name}” comes with the plugin.", "Choose another name.")
    if os.path.lexists(models_folder() / name) and not may_replace:
        raise _taken(name)
    return name


def _taken(name: str) -> RequestError:
    return RequestError(
        f"There is an installed model called “{name}” already.", "Choose another name, or have it replaced."
    )


def _checked_folder(source: Path, request: InstallModelRequest, job: Job) -> _Checked:
    job.progress(0.05, f"Checking {source.name}")
    files = read_files(source)
    if files.network_name == WEIGHTS:
        build_unet(files.card, files.network, source)
        return _Checked(files.card, files.network, WEIGHTS)
    _require_trust(request, source)
    from .trial import Settings, try_network

    settings = Settings.of_card(files.card)
    return _Checked(try_network(files.network, settings, job), files.network, files.network_name)


def _checked_file(source: Path, request: InstallModelRequest, job: Job) -> _Checked:
    if not source.is_file():
        raise ModelNotFoundError(f"There is no file “{source}”.", "Choose a model folder, or a network's file.")
    _require_trust(request, source)
    if source.stat().st_size > MAXIMUM_SIZE:
        raise ModelInvalidError(
            f"“{source.name}” is too large: networks of up to {MAXIMUM_SIZE / 2**20:.0f} MB are taken.",
            "Use a smaller network.",
        )
    try:
        network = source.read_bytes()
    except OSError as error:
        raise ModelInvalidError(
            f"“{source}” cannot be read: {error.strerror}.", "Check that you may read the file."
        ) from error
    from .trial import Settings, try_network

    settings = Settings.of_request(request, network, source.name)
    return _Checked(try_network(network, settings, job), network, NETWORKS[settings.format])


def _require_trust(request: InstallModelRequest, source: Path) -> None:
    if not request.trust:
        raise ModelNotTrustedError(f"“{source.name}” is a program: opening it runs it.", _TRUST_HINT)


def _write(checked: _Checked, folder: Path, may_replace: bool) -> bool:
    """Write the model beside its place and move it there; whether there was one before.

    The hash that the user trusts is there first: a model that is in place is always complete. Where a move fails, the
    old model and its hash are moved back.
    """
    record = trust_record(folder.name)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _scratch_folder() as scratch, ExitStack() as undo:
            whole = scratch / "new"
            whole.mkdir()
            (whole / checked.network_name).write_bytes(checked.network)
            line = f"{checked.network_sha256}  {checked.network_name}\n"
            (whole / f"{checked.network_name}.sha256").write_text(line, encoding="ascii")
            checked.card.write(whole / CARD)
            (scratch / "trusted").write_text(checked.network_sha256 + "\n", encoding="ascii")
            replaced = os.path.lexists(folder)
            if replaced and not may_replace:  # it came while this one was looked at
                raise _taken(folder.name)
            if os.path.lexists(record):
                os.replace(record, scratch / "trusted before")
                undo.callback(os.replace, scratch / "trusted before", record)
            if checked.is_program:
                record.parent.mkdir(exist_ok=True)
                os.replace(scratch / "trusted", record)
                undo.callback(record.unlink)
            if replaced:
                os.rename(folder, scratch / "old")
                undo.callback(os.rename, scratch / "old", folder)
            os.rename(whole, folder)
            undo.pop_all()
            return replaced
    except OSError as error:
        raise translate_os_error(error) from error


def _write_default(name: str) -> None:
    try:
        models_folder().mkdir(parents=True, exist_ok=True)
        with _scratch_folder() as scratch:
            (scratch / DEFAULT_FILE).write_text(name + "\n", encoding="utf-8")
            os.replace(scratch / DEFAULT_FILE, models_folder() / DEFAULT_FILE)
    except OSError as error:
        raise translate_os_error(error) from error


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    """A folder inside that of the installed models, hidden from lists; gone at the end, whatever happens.

    A link in it goes as a link: ``rmtree`` never follows one.
    """
    scratch = Path(tempfile.mkdtemp(prefix=".scratch-", dir=models_folder()))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)

"""Writing results: checked before any work starts, put in place in one step, never half-written."""

from __future__ import annotations

import errno
import json
import os
import subprocess  # nosec B404
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import rasterio
import rasterio.shutil
from rasterio.errors import RasterioError

from ...contract.errors import (
    DiskFullError,
    OutputIsInputError,
    OutputUnwritableError,
    RequestError,
    SolarSaliencyError,
)
from ..job import Job

RASTER_SUFFIXES = (".tif", ".tiff")
#: A raster of more values than this is converted by a process of its own, which can be ended when the user cancels:
#: GDAL cannot be interrupted. Below it, starting a process takes longer than the conversion.
_IN_PROCESS_VALUES = 4_000_000
_COPY = """
import json, sys, rasterio, rasterio.shutil
with rasterio.Env(GDAL_CACHEMAX=int(sys.argv[4])):
    rasterio.shutil.copy(sys.argv[1], sys.argv[2], driver="COG", **json.loads(sys.argv[3]))
"""
#: GDAL's block cache in that process, in bytes; by default it would be 5 % of the machine's memory.
_COPY_CACHE = 128 * 2**20


def check_output(path: str | Path, inputs: Iterable[Path], suffixes: Sequence[str] = RASTER_SUFFIXES) -> Path:
    """The output's absolute path, after making sure that it can be written and is no input.

    Raises :class:`OutputUnwritableError`, :class:`OutputIsInputError` or :class:`RequestError`. Nothing is changed.
    """
    if not str(path).strip():
        raise RequestError("No output was given.", "Choose the file to write.")
    output = Path(path).expanduser().absolute()
    if output.suffix.lower() not in suffixes:
        raise OutputUnwritableError(
            f"The output “{output.name}” must end in {' or '.join(suffixes)}.", f"Call it “{output.stem}{suffixes[0]}”."
        )
    folder = output.parent
    if not folder.is_dir():
        raise OutputUnwritableError(f"There is no folder {folder}.", "Create it, or choose another place.")
    if output.is_dir():
        raise OutputUnwritableError(f"{output} is a folder.", "Give the name of a file.")
    for source in inputs:
        if _is_same_file(output, Path(source)):
            raise OutputIsInputError(
                f"The output “{output.name}” is the input “{Path(source).name}”.", "Choose another name for the output."
            )
    _require_writable(output)
    return output


def write_cog(source: Path, output: Path, *, tags: Mapping[str, str], categorical: bool, job: Job) -> None:
    """Turn the GeoTIFF ``source`` into the cloud-optimised GeoTIFF ``output``, put in place in one step.

    ``tags`` go into the default metadata domain (of ``source`` too). ``categorical`` values are never averaged in the
    overviews. A previous ``output`` stays untouched until the new one is whole.
    """
    try:
        with scratch_folder(output) as folder:
            whole = build_cog(source, folder, tags=tags, categorical=categorical, job=job)
            put_in_place(whole, output)
    except (OSError, RasterioError) as error:
        raise translate_os_error(error) from error


def build_cog(source: Path, folder: Path, *, tags: Mapping[str, str], categorical: bool, job: Job) -> Path:
    """The cloud-optimised GeoTIFF of :func:`write_cog` in a scratch ``folder``, for outputs that belong together."""
    whole = folder / "output.tif"
    with rasterio.open(source, "r+") as dataset:
        dataset.update_tags(**tags)
        values = dataset.width * dataset.height * dataset.count
    if values <= _IN_PROCESS_VALUES:
        rasterio.shutil.copy(source, whole, driver="COG", **_cog_options(categorical))
    else:
        _copy_in_process(source, whole, categorical, job)
    job.check()
    return whole


@contextmanager
def scratch_folder(output: Path) -> Iterator[Path]:
    """A folder beside ``output``, so that moving a file from it is one step; gone at the end, whatever happens."""
    with tempfile.TemporaryDirectory(prefix=".solar-saliency-", dir=output.parent, ignore_cleanup_errors=True) as name:
        yield Path(name)


def put_in_place(whole: Path, output: Path) -> None:
    """Replace ``output`` by ``whole`` in one step, and drop what other programs noted about the old one."""
    os.replace(whole, output)
    for suffix in (".aux.xml", ".ovr", ".msk", "-wal", "-shm", "-journal"):
        output.with_name(output.name + suffix).unlink(missing_ok=True)


def translate_os_error(error: Exception) -> SolarSaliencyError:
    """What an error while writing means to the user."""
    text = f"{error} {error.__cause__ or ''}"
    number = getattr(error, "errno", None)
    full = ("No space left", "Free disk space available", "not enough space", "Disk quota exceeded")
    if number in (errno.ENOSPC, errno.EDQUOT) or any(words in text for words in full):
        return DiskFullError("The disk is full.", "Free some space or write to another disk. Nothing was overwritten.")
    if isinstance(error, PermissionError) or number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputUnwritableError(
            f"The output cannot be written: {error}.",
            "Choose another folder, or close the program that has the file open.",
        )
    return OutputUnwritableError(f"The output could not be written: {text.strip()}.", "Choose another place.")


def _is_same_file(output: Path, source: Path) -> bool:
    try:
        return output.resolve() == source.resolve() or output.samefile(source)
    except OSError:  # one of them does not exist (yet)
        return False


def _require_writable(output: Path) -> None:
    hint = "Choose a folder that you may write to."
    if output.exists() and not os.access(output, os.W_OK):
        raise OutputUnwritableError(f"The file {output} is read-only.", "Choose another name for the output.")
    try:
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as error:
        raise OutputUnwritableError(
            f"The folder {output.parent} cannot be written to ({error.strerror}).", hint
        ) from error


def _cog_options(categorical: bool) -> dict[str, str]:
    return {
        "COMPRESS": "DEFLATE",
        "PREDICTOR": "YES",
        # A third faster than the default of 6, for 3 % more bytes.
        "LEVEL": "3",
        "BLOCKSIZE": "512",
        "OVERVIEW_RESAMPLING": "NEAREST" if categorical else "AVERAGE",
        "BIGTIFF": "IF_SAFER",
        "NUM_THREADS": "ALL_CPUS",
    }


def _copy_in_process(source: Path, whole: Path, categorical: bool, job: Job) -> None:
    """Convert in a process of its own, which ends at once when the job is cancelled."""
    options = json.dumps(_cog_options(categorical))
    arguments = [sys.executable, "-I", "-c", _COPY, str(source), str(whole), options, str(_COPY_CACHE)]
    size = max(1, source.stat().st_size)
    # This interpreter on constant code, its arguments as a list: no shell sees them.
    with subprocess.Popen(  # nosec B603
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    ) as process:
        try:
            while True:
                try:
                    _, said = process.communicate(timeout=0.1)
                    break
                except subprocess.TimeoutExpired:
                    written = _bytes_in(whole.parent)
                    job.progress(min(0.95, 0.95 * written / size), "Writing the raster …")
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise OSError(said.strip().splitlines()[-1] if said.strip() else "the writer ended without a word")


def _bytes_in(folder: Path) -> int:
    """Size of the files in ``folder``; GDAL's temporary ones may go while they are looked at."""
    total = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total

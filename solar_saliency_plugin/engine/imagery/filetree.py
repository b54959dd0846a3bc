"""The files of a product, in a folder or in a zip that is read without being unpacked."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...contract.errors import SceneUnreadableError
from .product import Source

#: Bands of a .SAFE folder lie five levels down: product / GRANULE / tile / IMG_DATA / R10m.
_DEPTH = 6
#: A folder of more files is no product; the user chose a disk.
_MOST_FILES = 50_000
#: Metadata files are some hundred kB; what is larger is something else and is not read to its end.
_LARGEST_TEXT = 10_000_000


@dataclass(frozen=True)
class FileTree:
    """All files below a folder or in a zip: names relative to ``root``, with forward slashes, sorted."""

    root: Path
    names: tuple[str, ...]
    is_zip: bool

    @classmethod
    def of(cls, root: Path) -> FileTree:
        """List the folder or zip. Raises :class:`SceneUnreadableError` for a damaged zip or a folder without end."""
        if root.is_dir():
            return cls(root, tuple(sorted(_names_below(root))), False)
        try:
            with zipfile.ZipFile(root) as archive:
                names = (info.filename for info in archive.infolist() if not info.is_dir())
                return cls(root, tuple(sorted(names)), True)
        except (zipfile.BadZipFile, OSError) as error:
            raise SceneUnreadableError(
                f"“{root.name}” cannot be read as a zip: it is damaged or incomplete.", "Download it again."
            ) from error

    def source(self, name: str) -> Source:
        """What GDAL opens the file by."""
        return f"/vsizip/{{{self.root.as_posix()}}}/{name}" if self.is_zip else self.root / name

    def text(self, name: str) -> str:
        """The file's text. Raises :class:`SceneUnreadableError`."""
        try:
            if self.is_zip:
                with zipfile.ZipFile(self.root) as archive, archive.open(name) as file:
                    content = file.read(_LARGEST_TEXT)
            else:
                with open(self.root / name, "rb") as file:
                    content = file.read(_LARGEST_TEXT)
            return content.decode("utf-8-sig")
        except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
            raise SceneUnreadableError(
                f"“{PurePosixPath(name).name}” in “{self.root.name}” cannot be read.", "Download the product again."
            ) from error

    def files(self, names: Iterable[str]) -> tuple[Path, ...]:
        """The files on disk that hold ``names``."""
        return (self.root,) if self.is_zip else tuple(self.root / name for name in names)


def _names_below(root: Path) -> list[str]:
    names: list[str] = []
    for folder, folders, files in os.walk(root):
        relative = Path(folder).relative_to(root)
        if len(relative.parts) >= _DEPTH:
            folders.clear()
        names += [(relative / name).as_posix() for name in files]
        if len(names) > _MOST_FILES:
            raise SceneUnreadableError(
                f"The folder “{root.name}” holds more than {_MOST_FILES} files: it is not one scene.",
                "Choose the folder of one product.",
            )
    return names

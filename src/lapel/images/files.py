"""Bytes of a picture from wherever it is: a path of any length, or bytes in memory."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import BinaryIO

from lapel.errors import ImageEmpty, ImageError, ImageMissing, ImageNotAnImage

Source = str | Path | bytes


def shown(path: str | Path) -> str:
    """The path as printable text: a file name that is not valid UTF-8 must not break the message about it."""
    return os.fsencode(path).decode("utf-8", "replace") if "\0" not in str(path) else repr(str(path))


def open_source(source: Source, name: str | None = None) -> BinaryIO:
    """A readable, seekable stream of the picture's bytes.

    name: what an error calls the picture; the path itself, or "(bytes)" for bytes in memory.

    Raises:
        ImageError: ImageMissing, ImageEmpty, ImageNotAnImage for a folder, or the root class when the
            operating system refuses to open the file.
    """
    if isinstance(source, bytes):
        if not source:
            raise ImageEmpty(name or "(bytes)", "there are no bytes. Send the content of a picture file.")
        return io.BytesIO(source)
    label = name or shown(source)
    try:
        stream = _open_path(os.fspath(source))
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise ImageMissing(
            label, "there is no such file. Correct the path, or remove the row that names it."
        ) from error
    except IsADirectoryError as error:
        raise ImageNotAnImage(label, "this is a folder, not a picture. Name a file in it.") from error
    except OSError as error:
        if os.path.isdir(source):  # Windows says PermissionError for a folder
            raise ImageNotAnImage(label, "this is a folder, not a picture. Name a file in it.") from error
        raise ImageError(label, f"the file cannot be opened: {error.strerror}. Check its permissions.") from error
    if os.fstat(stream.fileno()).st_size == 0:
        stream.close()
        raise ImageEmpty(label, "the file is empty (0 bytes). Copy or download it again, or remove it.")
    return stream


def _open_path(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        too_long = error.errno == errno.ENAMETOOLONG or (sys.platform == "win32" and len(path) > 259)
        if not too_long:
            raise
        return _open_long(path)


def _open_long(path: str) -> BinaryIO:
    """Open a path longer than the system takes at once, by walking down in steps that it does take."""
    if sys.platform == "win32":
        return open("\\\\?\\" + os.path.abspath(path), "rb")
    parts = Path(os.path.abspath(path)).parts
    folder = os.open(parts[0], os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[1:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.fdopen(os.open(parts[-1], os.O_RDONLY, dir_fd=folder), "rb")
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # one single name is too long: such a file cannot exist
            raise FileNotFoundError(errno.ENOENT, "no such file", path) from error
        raise
    finally:
        os.close(folder)

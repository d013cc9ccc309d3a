"""A checksum for every file that a table consists of: the engine keeps none, and a flipped bit would be an answer.

The files are written once and never changed, so each is summed when its commit is flushed to the disk. `items.sums`
beside the table has one line a file: sum, size, path, and a CRC of the line. A file without a line (its writer was
killed in between) is taken as it is; a line that is torn or damaged is passed over.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from lapel.store.durable import write_atomic

CHUNK = 1 << 22
LINE = re.compile(r"(([0-9a-f]{16}) (\d+) (.+)) ([0-9a-f]{8})")


class Sums:
    """The recorded sums of the files under `root`, a table's folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.file = root, root.with_suffix(".sums")
        self.known: dict[str, tuple[int, int]] = {}
        try:
            lines = self.file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        for line in lines:
            if (match := LINE.fullmatch(line)) and _crc(match[1]) == match[5]:
                self.known[match[4]] = int(match[2], 16), int(match[3])

    def record(self, paths: Iterable[str]) -> None:
        """Sum these files, which are on disk, and append their lines."""
        lines = []
        for path in sorted(paths):
            try:
                found = _sum(path), os.path.getsize(path)
            except FileNotFoundError:  # the engine tidied it away meanwhile
                continue
            name = os.path.relpath(path, self.root).replace(os.sep, "/")
            self.known[name] = found
            lines.append(_line(name, found))
        if lines:
            with open(self.file, "a", encoding="utf-8") as stream:
                if stream.tell() and not self._ends_whole():
                    stream.write("\n")  # a writer was killed here; its torn line must not swallow the next one
                stream.writelines(lines)
                stream.flush()
                os.fsync(stream.fileno())

    def _ends_whole(self) -> bool:
        with open(self.file, "rb") as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) == b"\n"

    def forget_gone(self) -> None:
        """Drop the lines of files that are there no more."""
        here = {name: said for name, said in self.known.items() if (self.root / name).exists()}
        if len(here) < len(self.known):
            self.known = here
            text = "".join(_line(name, said) for name, said in here.items())
            write_atomic(self.file, text.encode())

    def cut(self, names: Sequence[str]) -> list[str]:
        """Those of these files that are missing or have another size than they were written with."""
        return [name for name in names if self._size(name) not in (None, self.known.get(name, (0, None))[1])]

    def changed(self, names: Sequence[str]) -> list[str]:
        """Those of these files that are not what was written; reads them."""
        return [
            name
            for name in names
            if name in self.known and (self.cut([name]) or self._sum(name) != self.known[name][0])
        ]

    def size(self, names: Sequence[str]) -> int:
        """Bytes in all."""
        return sum(self.known.get(name, (0, 0))[1] for name in names)

    def _size(self, name: str) -> int | None:
        """None when nothing is known about the file; -1 when it is gone."""
        if name not in self.known:
            return None
        try:
            return os.path.getsize(self.root / name)
        except OSError:
            return -1

    def _sum(self, name: str) -> int:
        try:
            return _sum(str(self.root / name))
        except OSError:
            return -1


def _line(name: str, said: tuple[int, int]) -> str:
    text = f"{said[0]:016x} {said[1]} {name}"
    return f"{text} {_crc(text)}\n"


def _crc(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def _sum(path: str) -> int:
    with open(path, "rb") as stream:
        return sum_of(iter(lambda: stream.read(CHUNK), b""))


def sum_of(chunks: Iterable[bytes | memoryview]) -> int:
    """Bytes as 64-bit numbers, each chunk's sum turned by the chunk's place: finds any damage to one word.

    chunks: of `CHUNK` bytes, the last one shorter. Several times faster than a CRC, as fast as memory can be read.
    """
    total = 0
    for place, chunk in enumerate(chunks):
        whole = len(chunk) - len(chunk) % 8
        part = int(np.add.reduce(np.frombuffer(chunk, "<u8", whole // 8), dtype=np.uint64))
        part += int.from_bytes(bytes(chunk[whole:]), "little")
        part &= 2**64 - 1
        turn = place % 64
        total ^= ((part << turn) | (part >> (64 - turn))) & (2**64 - 1)
    return total

"""Open a table whose newest files a power cut may have left empty or cut short."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lapel.errors import CatalogueError
from lapel.store.engine import lancedb
from lapel.store.lock import writing
from lapel.store.sums import Sums

ENGINE_ERRORS = (RuntimeError, ValueError, OSError)
"""What the engine raises for files it cannot read."""
NEWEST_NUMBER = 2**64 - 1
FALLS_BACK = 8
"""Versions before the last acknowledged one that a power cut may cost; older damage is refused, never hidden."""
PATIENCE = 2.0
"""Seconds that a reader waits for a writer when the newest state cannot be read."""


def open_table(folder: Path, name: str, good_version: int, locked: bool = False) -> tuple[Any, tuple[str, ...]]:
    """The table at its newest readable version, and sentences about what had to be set aside.

    A version counts as readable when its manifest opens and every row's id can be read. Unreadable manifests
    are renamed to `*.broken`, never deleted: nothing that might be repaired by hand is thrown away. That is a
    write, so it happens under the writer lock only; `locked` says that the caller holds it.

    Raises:
        CatalogueError: no table, nothing of it can be read, or it cannot be read while another process writes.
    """
    table = _readable(folder, name)
    if table is not None:
        return table, ()
    # A writer that is at it may have been seen between two of its steps, or is repairing this very thing.
    with nullcontext() if locked else writing(folder, PATIENCE):
        return _newest_readable(folder, name, good_version)


def _newest_readable(folder: Path, name: str, good_version: int) -> tuple[Any, tuple[str, ...]]:
    manifests = _manifests(folder / f"{name}.lance" / "_versions")
    if not manifests:
        raise CatalogueError(f"{folder} holds no {name}.lance table; it is not a complete catalogue. Index again.")
    aside: list[int] = []
    for version, path in manifests:
        if version < good_version - FALLS_BACK:
            break
        table = _readable(folder, name)
        if table is not None:
            return table, _notes(folder, aside, int(table.version), good_version)
        try:
            path.rename(path.with_name(path.name + ".broken"))
        except OSError as error:
            raise CatalogueError(
                f"{folder}: version {version} of the catalogue cannot be read and cannot be set aside "
                f"({error.strerror}). Make the folder writable and open it again."
            ) from error
        (path.parent / "latest_version_hint.json").unlink(missing_ok=True)
        aside.append(version)
    for version, path in manifests:
        if version in aside:
            path.with_name(path.name + ".broken").rename(path)
    raise CatalogueError(
        f"{folder}: none of its {len(aside)} newest stored versions can be read; the files are damaged. "
        "Restore the folder from a copy, or index the photos again."
    )


def newest_version(folder: Path, name: str) -> int:
    """The number of the newest commit whose manifest lies there, readable or not; 0 when there is none."""
    return max((version for version, _ in _manifests(folder / f"{name}.lance" / "_versions")), default=0)


def _manifests(folder: Path) -> list[tuple[int, Path]]:
    """Newest first. The engine numbers files downwards from 2^64 - 1 so that the newest sorts first."""
    found = [p for p in folder.glob("*.manifest") if p.stem.isdigit()]
    numbered = [(NEWEST_NUMBER - int(p.stem) if len(p.stem) == 20 else int(p.stem), p) for p in found]
    return sorted(numbered, reverse=True)


def _readable(folder: Path, name: str) -> Any | None:
    root = folder / f"{name}.lance"
    newest = newest_version(folder, name)
    if newest and (Sums(root).changed(_manifest_of(root, newest)) or Sums(root).cut(files_of(root, newest))):
        return None
    try:
        table = lancedb.connect(folder).open_table(name)
        rows = table.search().limit(NEWEST_NUMBER >> 33).select(["id"]).to_arrow()
        whole = len(rows) == table.count_rows()
    except Exception:  # damaged files make the engine panic, too, which it raises as a class of its own
        return None
    return table if whole else None


def _manifest_of(root: Path, version: int) -> list[str]:
    return [f"_versions/{path.name}" for number, path in _manifests(root / "_versions") if number == version]


def files_of(root: Path, version: int) -> list[str]:
    """The files that a version of a table consists of, relative to its folder: its manifest and what that names.

    Names of data files stand in the manifest as they are. A deletion file's name says after which version it was
    made (`fragment-version-number.arrow`); those of versions before this one are given, used or not.
    """
    manifest = _manifest_of(root, version)
    if not manifest:
        return []
    text = (root / manifest[0]).read_bytes()
    known = [name for name in Sums(root).known if name.startswith("data/")]
    here = [f"data/{path.name}" for path in (root / "data").glob("*.lance")]
    data = sorted({name for name in (*known, *here) if name[5:].encode() in text})
    removed = [name for name in Sums(root).known if name.startswith("_deletions/")]
    return [*manifest, *data, *(name for name in removed if _made_after(name) < version)]


def _made_after(deletion: str) -> int:
    parts = Path(deletion).stem.split("-")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0


def _notes(folder: Path, aside: list[int], version: int, good_version: int) -> tuple[str, ...]:
    if not aside:
        return ()
    lost = (
        "nothing that was acknowledged is lost"
        if version >= good_version
        else (f"what was stored after version {version} is lost (version {good_version} had been acknowledged)")
    )
    which = ", ".join(str(v) for v in aside)
    return (
        f"{folder}: the newest state (version {which}) cannot be read, as after a power cut; "
        f"opened version {version} instead: {lost}. Index again to fill what is missing.",
    )

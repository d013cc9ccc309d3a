"""Embed with Ray Data: on the processors of this machine, or of the cluster that RAY_ADDRESS names."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from lapel import errors
from lapel.catalogue.columns import sizes, vectors
from lapel.catalogue.engines import PHOTOS_A_PASS, Made
from lapel.errors import ImageError, MissingExtra
from lapel.images import Source, content_hash
from lapel.schema import Model
from lapel.search.photo import Photo, embed_photos, read_photo

Packed = Model | Mapping[str, bytes]
"""A model as it travels to workers: itself, or the files of its folder, so that no disk need be shared for it."""


class RayEngine:
    """The same columns as `PlainEngine` makes, in the same order, by several processes.

    Photos are hashed first, so that of equal ones only one is embedded whichever worker sees it; every file is
    therefore read twice. Workers read photos by the paths given: on several machines these must lead to shared
    storage. Ray's usage statistics are switched off before it is imported; a cluster's own start decides for itself.

    Args:
        model: fills the catalogue. workers: processes that embed, each with a model of its own.

    Raises:
        MissingExtra: Ray is not installed.
    """

    def __init__(self, model: Model, workers: int = 2) -> None:
        self.workers, self.card = max(1, workers), model.card
        self.ray, self._started = _start(workers)
        self._model = self.ray.put(_pack(model))

    def embed(self, photos: Sequence[Source], known: Container[str]) -> Iterator[Made]:
        """See `Engine`."""
        hashes = self._hashes(photos)
        first: dict[str, int] = {}
        for place, found in enumerate(hashes):
            if isinstance(found, str) and found not in first and found not in known:
                first[found] = place
        embedded = self._embedded(photos, list(first.values()))
        undecodable: dict[str, ImageError] = {}
        for start in range(0, len(photos), PHOTOS_A_PASS):
            made = Made([], [], [], None, [])
            tables = []
            for place in range(start, min(start + PHOTOS_A_PASS, len(photos))):
                digest = hashes[place]
                if isinstance(digest, ImageError):
                    made.errors.append((place, digest))
                    continue
                if first.get(digest) == place:
                    columns = next(embedded)
                    if isinstance(columns, ImageError):
                        undecodable[digest] = columns
                    else:
                        made.fresh.append(digest)
                        tables.append(columns)
                if digest in undecodable:
                    made.errors.append((place, _like(undecodable[digest], photos[place])))
                else:
                    made.places.append(place)
                    made.hashes.append(digest)
            yield replace(made, columns=pa.concat_tables(tables) if tables else None)

    def close(self) -> None:
        """Stop the Ray that was started here; one that ran before goes on."""
        self._model = None
        if self._started:
            self.ray.shutdown()

    def _hashes(self, photos: Sequence[Source]) -> list[str | ImageError]:
        """The content hash of each photo, or why it has none."""
        if not photos:
            return []
        found = self._data(photos, range(len(photos))).map_batches(
            _hash, batch_size=PHOTOS_A_PASS, batch_format="pyarrow", zero_copy_batch=True
        )
        rows = [row for batch in found.iter_batches(batch_format="pyarrow") for row in batch.to_pylist()]
        return [row["hash"] or _error(row, photos) for row in rows]

    def _embedded(self, photos: Sequence[Source], places: Sequence[int]) -> Iterator[pa.Table | ImageError]:
        """One row of columns, or an error, for each of these places, in order."""
        if not places:
            return
        made = self._data(photos, places).map_batches(
            _Worker,
            fn_constructor_args=(self._model,),
            batch_size=PHOTOS_A_PASS,
            batch_format="pyarrow",
            compute=self.ray.data.ActorPoolStrategy(size=self.workers),
        )
        for batch in made.iter_batches(batch_size=PHOTOS_A_PASS, batch_format="pyarrow"):
            for at, row in enumerate(batch.select(["place", "error", "problem"]).to_pylist()):
                columns = batch.slice(at, 1).drop_columns(["place", "error", "problem"])
                yield columns if row["error"] is None else _error(row, photos)

    def _data(self, photos: Sequence[Source], places: Sequence[int]) -> Any:
        paths = [None if isinstance(photos[place], bytes) else str(photos[place]) for place in places]
        contents = [photos[place] if isinstance(photos[place], bytes) else None for place in places]
        table = pa.table(
            {
                "place": pa.array(places, pa.int64()),
                "path": pa.array(paths, pa.string()),
                "content": pa.array(contents, pa.large_binary()),
            }
        )
        pieces = min(len(places), 4 * self.workers)
        size = -(-len(places) // pieces)
        return self.ray.data.from_arrow([table.slice(at, size) for at in range(0, len(places), size)])


class _Worker:
    """Runs in a process of Ray: one model, batches of photos."""

    def __init__(self, packed: Any) -> None:
        import ray

        self.model = _unpack(ray.get(packed))

    def __call__(self, batch: pa.Table) -> pa.Table:
        good: list[Photo] = []
        rows: list[dict[str, Any]] = []
        for row in batch.to_pylist():
            try:
                good.append(read_photo(row["content"] or row["path"] or b"", self.model.card))
                rows.append({"place": row["place"], "error": None, "problem": None})
            except ImageError as error:
                rows.append({"place": row["place"], "error": type(error).__name__, "problem": str(error)})
        said = pa.Table.from_pylist(rows, _SAID)
        if not good:
            return said
        columns = vectors(embed_photos(self.model, good), good, sizes(self.model.card))
        where = iter(range(len(good)))
        chosen = pa.array([next(where) if row["error"] is None else None for row in rows], pa.int64())
        taken = columns.take(chosen)
        return pa.table(
            dict(zip(said.column_names, said.columns, strict=True))
            | dict(zip(taken.column_names, taken.columns, strict=True))
        )


_SAID = pa.schema([("place", pa.int64()), ("error", pa.string()), ("problem", pa.string())])


def _hash(batch: pa.Table) -> pa.Table:
    found: list[dict[str, Any]] = []
    for row in batch.to_pylist():
        said = {"place": row["place"], "hash": None, "error": None, "problem": None}
        try:
            said["hash"] = content_hash(row["content"] if row["path"] is None else row["path"])
        except ImageError as error:
            said |= {"error": type(error).__name__, "problem": str(error)}
        found.append(said)
    return pa.Table.from_pylist(found, pa.schema([*_SAID, ("hash", pa.string())]))


def _like(error: ImageError, photo: Source) -> ImageError:
    """The same about another photo of equal bytes."""
    path = "(bytes)" if isinstance(photo, bytes) else str(photo)
    return type(error)(path, str(error).removeprefix(f"{error.path}: "))


def _error(row: Mapping[str, Any], photos: Sequence[Source]) -> ImageError:
    photo = photos[row["place"]]
    path = "(bytes)" if isinstance(photo, bytes) else str(photo)
    kind: type[ImageError] = getattr(errors, row["error"], ImageError)
    return kind(path, str(row["problem"]).removeprefix(f"{path}: "))


def _start(workers: int) -> tuple[Any, bool]:
    """Ray, running: the one of this process, the cluster of RAY_ADDRESS, or a new one with `workers` processors.

    The second says whether it was started here.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    for name in ("ray.data", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is raised here as well
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtra("Embedding with Ray (--engine ray)", "ray") from error
    started = not ray.is_initialized()
    if started:
        cluster = {"address": "auto"} if os.environ.get("RAY_ADDRESS") else {"num_cpus": workers + 1}
        ray.init(**cluster, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    return ray, started


def _pack(model: Model) -> Packed:
    from lapel.runtime import OnnxModel

    if not isinstance(model, OnnxModel):
        return model
    return {file.name: file.read_bytes() for file in model.folder.iterdir() if file.is_file()}


def _unpack(packed: Packed) -> Model:
    if not isinstance(packed, Mapping):
        return packed
    from lapel.runtime import open_model

    with tempfile.TemporaryDirectory(prefix="lapel-model-") as folder:
        for name, content in packed.items():
            (Path(folder) / name).write_bytes(content)
        return open_model(folder)

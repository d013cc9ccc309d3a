"""An exported model: a folder with `model.onnx`, `card.json` and `certificate.json`, run by ONNX Runtime.

A model of two branches has a second file, `local.onnx`; the photos are cropped between the two. A model that was taught
words has `text.onnx`, `compose.onnx` and `vocab.txt` (see `lapel.runtime.words`). Where its certificate names a folder
beside its own (`parts_in`), those three lie there: a model in 8 bits shares the words of the one it was made from.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import onnxruntime
from PIL.Image import Image

from lapel.errors import ModelError, QueryError, ShapeError
from lapel.images import cut_crops, fit, normalise, pictures_of
from lapel.runtime.integers import exact_products
from lapel.runtime.words import COMPOSE, COMPOSE_OUTPUTS, TEXT, TEXT_OUTPUTS, VOCABULARY, Words
from lapel.schema import NO_WORDS, Card, Floats, Outputs, Preprocess

# The Windows builds report to the system's own tracing unless told not to; elsewhere this does nothing.
onnxruntime.disable_telemetry_events()

MODEL, LOCAL, CARD, CERTIFICATE = "model.onnx", "local.onnx", "card.json", "certificate.json"
INPUT = "pixels"
OUTPUTS = ("embeddings", "regions", "values", "look")
COMPOSED = "composed"
CROPS, WHOLE = "crops", "whole"
WHOLE_OUTPUTS, LOCAL_OUTPUTS = (WHOLE, "regions", "look"), ("embeddings", "values")
PICTURES_AT_ONCE = 2
"""Pictures a run, however many a call; the runs of a call go side by side, each on one core. What a run needs between
the layers (11 MB for each picture of 224 x 168 in EfficientNet-Lite0) then stays near the processor, and layers too
small for several cores do not wait for one another: half as fast again as runs of four that share the cores."""

AT_ONCE = 256
"""Crops a call of the local branch; its memory grows with them."""


class OnnxModel:
    """`lapel.schema.PhotoModel` and `TextModel` over ONNX Runtime, on the CPU.

    Args:
        folder: what `lapel export` wrote.
        threads: of one call; None is one for each core that this process may use. A single picture takes one.

    Raises:
        ModelError: a file is missing or was changed after the export, or the model does not fit its card.
    """

    def __init__(self, folder: str | Path, threads: int | None = None) -> None:
        self.folder = Path(folder)
        self._card = read_card(self.folder)
        self._names = [*OUTPUTS, *([COMPOSED] if self._card.composed_dim else [])]
        if self._card.crops is not None:
            self._names = list(WHOLE_OUTPUTS)
            self._local = _session(self.folder, LOCAL, self._card, LOCAL_OUTPUTS, threads)
        self._session = _session(self.folder, MODEL, self._card, self._names, threads=1)
        self._beside = ThreadPoolExecutor(threads or _cores(), thread_name_prefix="lapel-model")
        self._threads, self._opening = threads, Lock()
        self._words: Words | None = None

    @property
    def card(self) -> Card:
        """What the model is."""
        return self._card

    def __call__(self, pixels: Floats) -> Outputs:
        """See `lapel.schema.Model`; of a model that crops, the crops are cut out of the input.

        Raises:
            ShapeError: the batch is not (B, 3, height, width) as the card says, or the outputs are not as it promises.
        """
        asked = self._card.preprocess
        expected = (3, asked.height, asked.width)
        if pixels.ndim != 4 or pixels.shape[1:] != expected:
            raise ShapeError(
                f"The model '{self._card.name}' reads (B, {', '.join(map(str, expected))}), not {pixels.shape}."
            )
        if self._card.crops is not None:
            return self._closely(pixels, pictures_of(pixels, asked), replace(asked.whole, resize="stretch"))
        outputs = Outputs(*self._run(pixels))
        check_shapes(outputs, self._card, len(pixels))
        return outputs

    def photos(self, photos: Sequence[Image]) -> Outputs:
        """See `lapel.schema.PhotoModel`.

        Raises:
            ShapeError: the outputs are not as the card promises.
        """
        asked = self._card.preprocess
        pixels = normalise(np.stack([fit(photo, asked) for photo in photos]), asked)
        return self(pixels) if self._card.crops is None else self._closely(pixels, photos, asked)

    def encode_text(self, texts: list[str]) -> Floats:
        """See `lapel.schema.TextModel`.

        Raises:
            QueryError: a model that was taught no words, or a text that is empty or longer than it reads.
            ModelError: a file of the words is missing or damaged.
        """
        return self._speaking().encode(texts)

    def compose(self, outputs: Outputs, texts: list[str]) -> Floats:
        """See `lapel.schema.TextModel`.

        Raises:
            As `encode_text`.
        """
        words = self._speaking()
        if outputs.composed is None:
            raise QueryError(NO_WORDS.format(self._card.name))
        return words.change(outputs.composed, texts)

    def _speaking(self) -> Words:
        """The words' files, opened when the first text comes: who asks by photos alone does not wait for them."""
        if not self._card.composed_dim:
            raise QueryError(NO_WORDS.format(self._card.name))
        with self._opening:
            if self._words is None:
                parts = (TEXT, TEXT_OUTPUTS), (COMPOSE, COMPOSE_OUTPUTS)
                text, compose = (_session(self.folder, f, self._card, out, self._threads) for f, out in parts)
                vocabulary = _checked_model(self.folder, self._card, VOCABULARY)
                self._words = Words(text, compose, vocabulary, int(self._card.architecture["composed"]["longest"]))
            return self._words

    def _run(self, pixels: Floats) -> list[Floats]:
        if len(pixels) <= PICTURES_AT_ONCE:
            return self._few(pixels)
        starts = range(0, len(pixels), PICTURES_AT_ONCE)
        parts = self._beside.map(self._few, (pixels[at : at + PICTURES_AT_ONCE] for at in starts))
        return [np.concatenate(each) for each in zip(*parts, strict=True)]

    def _few(self, pixels: Floats) -> list[Floats]:
        outputs: list[Floats] = self._session.run(self._names, {INPUT: np.ascontiguousarray(pixels, dtype=np.float32)})
        return outputs

    def _closely(self, pixels: Floats, photos: Sequence[Image], preprocess: Preprocess) -> Outputs:
        """The global branch, the crops it asks for, and the local branch, a few photos at a time."""
        assert self._card.crops is not None
        whole, regions, look = self._run(pixels)
        cut = cut_crops(photos, regions, preprocess, self._card.crops)
        step = max(1, AT_ONCE // regions.shape[1])
        parts = []
        for at in range(0, len(cut), step):
            some = cut[at : at + step]
            crops = normalise(some.reshape(-1, *some.shape[2:]), preprocess)
            given = {CROPS: crops.reshape(*some.shape[:2], *crops.shape[1:]), WHOLE: whole[at : at + step]}
            parts.append(self._local.run(list(LOCAL_OUTPUTS), given))
        embeddings, values = (np.concatenate(each) for each in zip(*parts, strict=True))
        outputs = Outputs(embeddings, regions, values, look)
        check_shapes(outputs, self._card, len(pixels))
        return outputs


def check_shapes(outputs: Outputs, card: Card, batch: int) -> None:
    """Hold outputs against the shapes that a card promises.

    Raises:
        ShapeError: naming the first that differs.
    """
    k = len(card.vocabulary)
    promised: dict[str, tuple[int, ...]] = {
        "embeddings": (batch, k, card.dim),
        "regions": (batch, k, *card.grid),
        "values": (batch, card.vocabulary.width),
        "look": (batch, card.look_dim),
    }
    if card.composed_dim:
        promised[COMPOSED] = (batch, card.composed_dim)
    for name, shape in promised.items():
        if np.shape(getattr(outputs, name)) != shape:
            raise ShapeError(
                f"'{card.name}' gave {name} {np.shape(getattr(outputs, name))}; its card promises {shape}."
            )


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_certificate(folder: Path) -> dict[str, Any]:
    """The certificate as written by `lapel export`.

    Raises:
        ModelError: missing or no JSON.
    """
    try:
        content = json.loads((folder / CERTIFICATE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{folder} has no {CERTIFICATE}; export the model again (lapel export).") from error
    except ValueError as error:
        raise ModelError(f"{folder / CERTIFICATE} is damaged; export the model again.") from error
    if not isinstance(content, dict):
        raise ModelError(f"{folder / CERTIFICATE} is damaged; export the model again.")
    return content


def read_card(folder: Path) -> Card:
    """The card of an exported model, without opening the model.

    Raises:
        ModelError: missing, damaged, changed by hand, or of another format.
    """
    try:
        return Card.from_json((folder / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"{folder} holds no exported model: it has no {CARD}. Make one with `lapel export`."
        ) from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{folder / CARD} is damaged; export the model again.") from error
    except ModelError as error:
        raise ModelError(f"{folder / CARD}: {error}") from error


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _session(folder: Path, file: str, card: Card, outputs: Sequence[str], threads: int | None) -> Any:
    """A file opened by ONNX Runtime, after its certificate was checked."""
    content = _checked_model(folder, card, file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or _cores()
    options.log_severity_level = 3
    if read_certificate(folder).get("precision") == "int8" and not exact_products():
        # The same rounded numbers multiplied in float32: slower, but those that the certificate was written for.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own unexported classes
        raise ModelError(f"{folder / file} is no model that ONNX Runtime can run: {error}") from error
    names = [output.name for output in session.get_outputs()]
    if missing := [name for name in outputs if name not in names]:
        raise ModelError(f"{folder / file} has no output '{missing[0]}'; export the model again.")
    return session


def _checked_model(folder: Path, card: Card, file: str = MODEL) -> bytes:
    certificate = read_certificate(folder)
    path = folder / file
    if file != MODEL and certificate.get("parts_in"):
        path = folder.parent / str(certificate["parts_in"]) / file
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"{path.parent} has no {file}; export the model again (lapel export).") from error
    stated = certificate.get("sha256") if file == MODEL else (certificate.get("parts") or {}).get(file)
    if hashlib.sha256(content).hexdigest() != stated:
        raise ModelError(f"{path} is not the file its certificate was written for; get or export it again.")
    if certificate.get("fingerprint") != card.fingerprint:
        raise ModelError(
            f"{folder}: the certificate is of model {certificate.get('fingerprint')}, the card of {card.fingerprint}; "
            "the files belong to different exports. Export the model again."
        )
    return content

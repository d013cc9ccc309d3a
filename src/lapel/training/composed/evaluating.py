"""A composed network on a split: vectors from cached features, figures under a protocol, CIRR's submission."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lapel.datasets.composed.opening import EVALUATED, TABLE, open_composed, release_of, some
from lapel.datasets.files import Missing
from lapel.errors import InputError, ProtocolError
from lapel.evaluation.composed import PROTOCOLS, ComposedEvaluation, ComposedProtocol, asked_of, evaluate_composed
from lapel.evaluation.composed.cirr_server import write_submission
from lapel.export.loading import run_checkpoint
from lapel.models.composed.loading import Clip, load_clip
from lapel.models.composed.network import ComposedNetwork, baseline, load_composed
from lapel.progress import Progress, bar
from lapel.schema import Card, ComposedSet, Floats
from lapel.training.composed.features import Features

CLIP = "clip:"
"""`clip:NAME:WEIGHTS:SYSTEM`: a system that has nothing to learn, over a CLIP."""


@dataclass(frozen=True)
class Vectors:
    """queries: (len(asked_of(data, protocol)), C). gallery: (len(names), C)."""

    queries: Floats
    gallery: Floats
    names: tuple[str, ...]


def open_network(model: str, weights: str | None = None) -> tuple[ComposedNetwork, Clip, Card]:
    """A trained network by run folder or checkpoint, or `clip:NAME:WEIGHTS:SYSTEM`.

    Raises:
        InputError: a name of another form.
        CheckpointError, UnknownName: see `load_composed` and `load_clip`.
    """
    if not model.startswith(CLIP):
        return load_composed(run_checkpoint(model), weights)
    parts = model.removeprefix(CLIP).split(":")
    if len(parts) != 3:
        raise InputError(f"'{model}': give clip:NAME:WEIGHTS:SYSTEM, for example clip:RN50x4:openai:sum.")
    clip = load_clip(parts[0], weights or parts[1])
    network, card = baseline(clip, parts[2])
    return network, clip, card


def features_for(network: ComposedNetwork, clip: Clip, numbers: str = "float32", device: str = "cpu") -> Features:
    """The cache that a network's frozen features lie in."""
    closely = network.system.closely or network.text is not None
    return Features(clip, closely, numbers, device, text=network.text)


@torch.inference_mode()
def vectors_of(
    network: ComposedNetwork,
    features: Features,
    data: ComposedSet,
    protocol: ComposedProtocol,
    batch: int = 256,
    device: str | torch.device = "cpu",
) -> Vectors:
    """Vectors of all queries and of every gallery picture; their features must be in the cache."""
    network.eval()
    names = tuple(dict.fromkeys(name for listed in data.galleries.values() for name in listed))
    asked = [(one.text, one.reference) for one in asked_of(data, protocol)]

    def query(part: Sequence[tuple[str, str]]) -> Tensor:
        return network.query(features.pictures([name for _, name in part]).to(device), features.texts(part).to(device))

    def target(part: Sequence[str]) -> Tensor:
        return network.target(features.pictures(part).to(device))

    return Vectors(_batched(query, asked, batch), _batched(target, names, batch), names)


def prepare(
    features: Features,
    data: ComposedSet,
    asked: Sequence[tuple[str, str]],
    workers: int = 2,
    show: bool | None = False,
) -> None:
    """Have everything of a split in the cache that its queries and galleries need."""
    named = dict.fromkeys(name for listed in data.galleries.values() for name in listed)
    named |= dict.fromkeys(name for _, name in asked)
    with bar("reading pictures", len(named), show=show) as progress:
        features.see({name: data.images[name] for name in named}, workers, progress)
    with bar("reading texts", len({*asked}), "texts", show=show) as progress:
        features.read(asked, progress)


def long_texts(features: Features) -> tuple[str, ...]:
    """The note that texts were cut; empty where none was."""
    if not features.cut:
        return ()
    first = min(features.cut)
    return (f"{len(features.cut)} texts are longer than CLIP's 77 tokens and were cut, among them '{first[:60]}...'.",)


@dataclass(frozen=True)
class Evaluated:
    """found: None where the truth is hidden. files: of the submission, where one was asked for."""

    found: ComposedEvaluation | None
    data: ComposedSet
    protocol: ComposedProtocol
    vectors: Vectors
    files: tuple[Path, ...] = ()


def protocol_named(text: str) -> ComposedProtocol:
    """`NAME` or `NAME,key=value,...`: a named protocol with changes that become part of its name.

    Raises:
        UnknownName: no such protocol.
        ProtocolError: a change that is none.
    """
    from lapel.evaluation.composed import protocol_of

    name, *changes = (part.strip() for part in text.split(","))
    for change in changes:
        if "=" not in change:
            raise ProtocolError(f"'{change}' in the protocol '{text}': give NAME,gallery=..,captions=..,reference=..")
    return protocol_of(name, **dict(change.split("=", 1) for change in changes))


def evaluate_run(
    model: str,
    root: str | Path,
    *,
    split: str | None = None,
    protocol: str | None = None,
    release: str = "",
    attributes: Sequence[str] = (),
    missing: Missing = "strict",
    submission: str | Path | None = None,
    weights: str | None = None,
    numbers: str = "float32",
    limit: int = 0,
    batch: int = 256,
    device: str = "cpu",
    progress: Callable[[], Progress] | None = None,
    show: bool | None = False,
) -> Evaluated:
    """Score a composed model.

    Args:
        model: see `open_network`. root: a release's folder, or a labelled table, whose pairs are made by rule.
        split, protocol: None takes the release's usual ones. attributes: of a table's pairs.
        submission: a folder that CIRR's two files are written to (CIRR alone; for test1 nothing else can be had).
        weights: a file of CLIP's weights. limit: at most so many queries.

    Raises:
        LapelError: model, data and protocol do not fit together; see the parts.
    """
    name = release or release_of(root)
    asked_for = protocol_named(protocol or ("one-change" if name == TABLE else name))
    _refuse_other(asked_for, name)
    asked_split = split or ("test1" if submission is not None and name == "cirr" else EVALUATED[name])
    data = open_composed(
        root, asked_split, release=name, gallery=asked_for.gallery, attributes=attributes, missing=missing
    )
    data = some(data, limit)
    network, clip, card = open_network(model, weights)
    network.to(device)
    features = features_for(network, clip, numbers, device)
    prepare(features, data, [(one.text, one.reference) for one in asked_of(data, asked_for)], show=show)
    vectors = vectors_of(network, features, data, asked_for, batch, device)
    data = replace(data, notes=(*data.notes, *long_texts(features)))
    files: tuple[Path, ...] = ()
    if submission is not None:
        files = tuple(write_submission(data, vectors.queries, vectors.gallery, vectors.names, submission))
    hidden = not all(query.targets for query in data.queries)
    if hidden and submission is None:
        raise ProtocolError(f"{data.name} {data.split} hides its targets: write a submission with --submission FOLDER.")
    found = None if hidden else score_vectors(vectors, data, asked_for, card)
    return Evaluated(found, data, asked_for, vectors, files)


def score_vectors(vectors: Vectors, data: ComposedSet, protocol: ComposedProtocol, card: Card) -> ComposedEvaluation:
    """Figures of vectors under a protocol."""
    return evaluate_composed(
        data,
        protocol,
        vectors.queries,
        vectors.gallery,
        vectors.names,
        model=card.name,
        model_fingerprint=card.fingerprint,
    )


def _refuse_other(protocol: ComposedProtocol, release: str) -> None:
    wanted = {TABLE: "one-change"}.get(release, release)
    if protocol.data != wanted:
        known = ", ".join(name for name, one in PROTOCOLS.items() if one.data == wanted)
        raise ProtocolError(f"The protocol '{protocol.data}' is not one of {release}'s; those are {known}.")


def _batched(call: Callable[[Any], Tensor], whole: Sequence[Any], size: int) -> Floats:
    found = [call(whole[at : at + size]).float().cpu().numpy() for at in range(0, len(whole), size)]
    return np.concatenate(found) if found else np.zeros((0, 0), np.float32)

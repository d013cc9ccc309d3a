"""Runners of composed retrieval's data and protocols: captions, drawn pairs, preprocessing, CLIP, recall."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lapel.datasets.composed import text
from lapel.datasets.composed.fashion200k import Changes, read_label_files, read_queries
from lapel.evaluation.composed.recall import best_ranks, members_only, recall_at
from lapel.images import fit, normalise
from lapel.images.patches import clip_preprocess, crops, square_pad, target_pad
from lapel.models.attribute_model import unit
from lapel.models.composed.clip import ClipTowers
from lapel.parity import fill
from lapel.parity.cases import Arrays, Case, CaseError
from lapel.parity.composed import array, filled, tensors

FOUR_BLANKS = 4
CROPS_EVERY, WHOLES_EVERY = 16, 8
"""Every how many pixels of crops and of whole pictures the golden files keep."""


def captions(case: Case) -> Arrays:
    """Every way that the published code writes a query's words."""
    made, expected = case["constructor"], case["expected"]
    random, pairs = Random(made["random_seed"]), made["pairs"]
    found: dict[str, list[Any]] = {
        "train_random_merge": [text.augmented(pair, random.random()) for pair in pairs],
        "eval_merge": [text.joined(pair) for pair in pairs],
        "shoes_helper": [text.sentence(caption) for pair in pairs for caption in pair],
        "f200k_clean": [text.clean_fashion200k(caption) for caption in made["f200k_captions"]],
        "f200k_modifier": [[*text.difference(*pair), text.replacement(*pair)] for pair in made["f200k_caption_pairs"]],
    }
    _same_text(found, expected)
    return {"n_expected": np.array(sum(map(len, found.values())))}


def fashion200k(case: Case) -> Arrays:
    """Label files to captions, parents, drawn pairs, gallery and queries."""
    made = case["constructor"]
    files = {name: content.splitlines() for name, content in made["label_files"].items()}
    train, test = read_label_files(files, "train"), read_label_files(files, "test")
    changes = Changes(train, FOUR_BLANKS)
    pairs = changes.pairs(Random(made["random_seed"]))
    queries = read_queries(made["test_queries_txt"].splitlines(), test)
    found = {
        "train_order": list(train),
        "train_captions": list(train.values()),
        "modifiable": [changes.modifiable(path) for path in train],
        "parent_to_children": changes.children,
        "parents_by_image": [changes.parents[caption] for caption in train.values()],
        "sampled_with_python_random": [[pair.reference, pair.target, pair.modifier] for pair in pairs],
        "gallery": [list(row) for row in test.items()],
        "queries": [[q.reference, q.captions[0], q.modifier, q.captions[1]] for q in queries],
    }
    _same_text(found, case["expected"])
    return {"n_train_pairs": np.array(len(pairs))}


def preprocess(case: Case) -> Arrays:
    """Padding and the 13 crops, and what CLIP reads of them."""
    made = case["constructor"]
    asked, ratio = clip_preprocess(made["dim"]), made["target_ratio"]
    pictures = [fill.picture(spec) for spec in case["inputs"].values()]
    targets, squares = [target_pad(p, ratio) for p in pictures], [square_pad(p) for p in pictures]
    parts = crops(pictures[0])

    def read(images: list[Any], every: int) -> NDArray[np.float32]:
        return normalise(np.stack([fit(image, asked) for image in images]), asked)[:, :, ::every, ::every]

    return {
        "targetpad_every_8th_pixel": read(targets, WHOLES_EVERY),
        "squarepad_every_8th_pixel": read(squares, WHOLES_EVERY),
        "padded_sizes_target_square_wh": np.array(
            [[*t.size, *s.size] for t, s in zip(targets, squares, strict=True)], np.int64
        ),
        "patch_sizes_wh": np.array([part.size for part in parts], np.int64),
        "patch_pixels_every_16th": read([target_pad(part, ratio) for part in parts], CROPS_EVERY),
    }


def clip(case: Case) -> Arrays:
    """open_clip's towers with the case's weights: vectors, and our reading of the word states."""
    import open_clip

    made = case["constructor"]
    known = set(open_clip.list_models())
    if made["model"] not in known:
        raise CaseError(f"open_clip knows no model '{made['model']}'")
    plain = open_clip.factory.create_model(made["model"], force_quick_gelu=made["quick_gelu"])
    towers = ClipTowers(filled(plain, case))
    tokens = open_clip.get_tokenizer(made["model"])(made["texts"])
    with torch.no_grad():
        vectors, words = towers.texts(tokens)
        seen = towers.images(tensors(case)["image"])
    return {
        "image_global": array(seen),
        "text_global": array(vectors),
        "text_seq_every_8th": array(words[:, ::8]),
        "tokens": array(tokens),
    }


def recall(case: Case) -> Arrays:
    """Recall under each data set's rule of what is a hit and what leaves the ranking."""
    x = tensors(case)
    scores = array(unit(x["query"]) @ unit(x["gallery"]).T)
    queries, size = scores.shape
    names = array(x["gallery_name_id"]) if "gallery_name_id" in x else np.arange(size)
    right = names[None] == names[array(x["target_index"])][:, None]
    if case["constructor"]["dataset"] == "cirr":
        found = _cirr(scores, right, array(x["reference_index"]), array(x["group_index"]))
    else:
        cutoffs = [int(name.split("@")[1]) for name in case["notes"]["recall_order"]]
        found = recall_at(best_ranks(scores, right), cutoffs)
    top = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    return {"recall_percent": found.astype(np.float32), "top5_gallery_index": top}


def _cirr(
    scores: NDArray[Any], right: NDArray[Any], references: NDArray[Any], groups: NDArray[Any]
) -> NDArray[np.float64]:
    gone = np.zeros_like(right)
    gone[np.arange(len(scores)), references] = True
    members = [[m for m in group if m != own] for group, own in zip(groups, references, strict=True)]
    subset = recall_at(best_ranks(scores, right, members_only(members, scores.shape[1])), (1, 2, 3))
    return np.concatenate([subset, recall_at(best_ranks(scores, right, gone), (1, 5, 10, 50))])


def _same_text(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            raise CaseError(f"'{name}' came out as {found.get(name)!r:.200}, expected {expected.get(name)!r:.200}")

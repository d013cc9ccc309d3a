"""From what was counted to what a person should do about it, gravest first."""

from __future__ import annotations

from collections.abc import Sequence

from lapel.doctor.diagnosis import AttributeReport, Diagnosis, Problem
from lapel.doctor.labels import ENOUGH, stand_ins

TOO_MANY_BAD = 0.5
"""Share of missing or unreadable pictures beyond which the data is unusable."""

SMALL_PIXELS = 64
_SHOWN = 3


def findings(found: Diagnosis) -> list[Problem]:
    """All problems of a diagnosis."""
    problems = [*_published(found), *_pictures(found), *_copies(found)]
    for report in found.attributes:
        problems += _attribute(report, found)
    for spelling in found.spellings:
        listed = ", ".join(f"'{value}' ({count:,})" for value, count in spelling.values.items())
        problems.append(Problem("fix", f"{spelling.attribute}: the same value in different spellings: {listed}."))
    problems += _whole(found)
    return problems


def _pictures(found: Diagnosis) -> list[Problem]:
    if not found.pictures:
        return []
    problems = []
    bad = len(found.missing) + len(found.unreadable)
    if bad > TOO_MANY_BAD * found.items:
        problems.append(Problem("stop", f"{bad:,} of {found.items:,} pictures are missing or cannot be read."))
    if found.missing:
        where = "; ".join(f"{place}: {gone:,} of {every:,}" for place, (gone, every) in found.absent.items())
        text = f"{_many(len(found.missing), 'image')} missing: {_first(found.missing)}."
        problems.append(Problem("fix", text + (f" {where}." if "split" in where or found.counts else "")))
    if found.unreadable:
        reasons = list(found.unreadable.values())
        more = f" And {len(reasons) - _SHOWN:,} more." if len(reasons) > _SHOWN else ""
        text = " ".join(reasons[:_SHOWN])
        problems.append(Problem("fix", f"{_many(len(reasons), 'image')} unreadable. {text}{more}"))
    if found.short_side and found.short_side[0] < SMALL_PIXELS:
        problems.append(Problem("note", f"The smallest picture has a short side of {found.short_side[0]} pixels."))
    return problems


def _published(found: Diagnosis) -> list[Problem]:
    """One line a kind of count (photos, values, labels, ...), listing all that differ from what is published."""
    kinds: dict[tuple[str, bool], list[str]] = {}
    for count in found.counts:
        if not count.agrees:
            kind, _, rest = count.what.partition(", ") if ", " in count.what else count.what.partition(" of ")
            kinds.setdefault((kind, count.sure), []).append(f"{rest} {count.found:,} of {count.expected:,}")
    return [
        Problem("fix" if sure else "note", f"Not as {'published' if sure else 'stated'}, {kind}: {'; '.join(listed)}.")
        for (kind, sure), listed in kinds.items()
    ]


def _copies(found: Diagnosis) -> list[Problem]:
    problems = []
    for groups, what in ((found.exact, "equal files"), (found.near, "pictures that look the same")):
        if groups:
            count = sum(len(group.items) for group in groups)
            text = f"{_many(len(groups), 'group')} of {what}, {count:,} items in all: {_first(groups[0].items)}."
            problems.append(Problem("note", text))
        leaks = [group for group in groups if len(group.splits) > 1]
        if leaks:
            text = f"{_many(len(leaks), 'group')} of {what} in more than one split: {_first(leaks[0].items)}"
            problems.append(Problem("fix", f"{text} ({', '.join(leaks[0].splits)})."))
    differing = [group for group in found.exact if group.differing]
    if differing:
        text = f"{_many(len(differing), 'group')} of equal files with different labels: {_first(differing[0].items)}"
        problems.append(Problem("fix", f"{text} ({', '.join(differing[0].differing)})."))
    if found.missing_masks:
        text = f"{_many(len(found.missing_masks), 'mask')} missing: {_first(found.missing_masks)}."
        problems.append(Problem("fix", text))
    return problems


def _attribute(report: AttributeReport, found: Diagnosis) -> list[Problem]:
    name, problems = report.name, []
    if not report.values:
        return [Problem("fix", f"{name}: no item has a label.")]
    if len(report.values) == 1:
        return [
            Problem("fix", f"{name}: all labels are '{next(iter(report.values))}'; there is nothing to tell apart.")
        ]
    if not report.trains:
        text = f"{name}: too few examples to train: two values need at least {ENOUGH} training items each."
        problems.append(Problem("fix", text))
    if not report.evaluates and _tested(found):
        text = f"{name}: too few examples to evaluate: the test split needs two values, one with {ENOUGH} items."
        problems.append(Problem("fix", text))
    for few, use in ((report.few_train, "train"), (report.few_test, "evaluate")):
        if few and (report.trains if use == "train" else report.evaluates):
            text = (
                f"{name}: {len(few)} of {len(report.values)} values have under {ENOUGH} items to {use}: {_first(few)}."
            )
            problems.append(Problem("note", text))
    for value in stand_ins(report):
        text = (
            f"{name}: the value '{value}' ({report.values[value]:,} items) looks like 'unknown'; leave the cell empty."
        )
        problems.append(Problem("fix", text))
    return problems


def _whole(found: Diagnosis) -> list[Problem]:
    problems = []
    if found.attributes and not any(report.trains or report.evaluates for report in found.attributes):
        problems.append(Problem("stop", "no attribute has enough labels to train or to evaluate."))
    if not found.attributes:
        problems.append(
            Problem("note", "There are no attributes: the photos can be indexed and searched, not trained on.")
        )
    elif "all" in found.splits:
        problems.append(
            Problem("note", "There is no column 'split'; counts to train and to evaluate are over all items.")
        )
    elif missing := [name for name in ("train", "test") if name not in found.splits]:
        problems.append(Problem("note", f"No item is in the split {' or '.join(missing)}."))
    return problems


def _tested(found: Diagnosis) -> bool:
    return "all" in found.splits or "test" in found.splits


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

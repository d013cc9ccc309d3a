"""What the data doctor found: plain records, JSON-ready."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from lapel.datasets.releases import Count

Severity = Literal["stop", "fix", "note"]


@dataclass(frozen=True)
class Problem:
    """One finding. "stop": the data cannot be used so; "fix": worth correcting; "note": good to know."""

    severity: Severity
    text: str


@dataclass(frozen=True)
class Group:
    """Pictures that are the same, byte by byte (`exact`) or to the eye.

    items: their ids. splits: the splits they are in, one name each; two names mean that a picture leaks.
    differing: attributes on which exact copies carry different labels.
    """

    items: tuple[str, ...]
    splits: tuple[str, ...]
    exact: bool
    differing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spelling:
    """Values of an attribute that differ only by case, spacing or punctuation, and how many items hold each."""

    attribute: str
    values: dict[str, int]


@dataclass(frozen=True)
class AttributeReport:
    """Is one attribute sufficient? Counts are of items whose picture can be used.

    values: how many items hold each value, over all splits.
    labelled: labelled items per split ("all" when the table has no splits). unknown: share without a label, 0 to 1.
    rarest: the value with the fewest training items. few_train, few_test: values with fewer than 2 items there.
    """

    name: str
    values: dict[str, int]
    labelled: dict[str, int]
    unknown: float
    rarest: str
    rarest_count: int
    few_train: tuple[str, ...]
    few_test: tuple[str, ...]
    trains: bool
    evaluates: bool

    @property
    def verdict(self) -> str:
        """In two or three words."""
        if len(self.values) < 2:
            return "one value" if self.values else "no labels"
        if not self.trains and not self.evaluates:
            return "too few labels"
        if not self.trains:
            return "evaluate only"
        if not self.evaluates:
            return "train only"
        return "rare values" if self.few_train or self.few_test else "good"


@dataclass(frozen=True)
class Diagnosis:
    """Everything the doctor found in one table or folder.

    items: rows. splits: items per split. pictures: how many were looked at; 0 when only labels were.
    missing: ids of items without an image file; unreadable: id -> reason. missing_masks: ids.
    short_side: smallest, median and largest short side in pixels. counts: what the release is published with, beside
    what is there; empty for one's own data. absent: "split, folder" -> (missing, all) photos, where any is missing.
    """

    name: str
    items: int
    splits: dict[str, int]
    pictures: int
    missing: tuple[str, ...]
    unreadable: dict[str, str]
    missing_masks: tuple[str, ...]
    short_side: tuple[int, int, int] | None
    groups: tuple[Group, ...]
    spellings: tuple[Spelling, ...]
    attributes: tuple[AttributeReport, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    counts: tuple[Count, ...] = ()
    absent: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def as_published(self) -> bool:
        """Every count of the release that was taken from its files agrees, and no photo is missing or unreadable."""
        return all(count.agrees for count in self.counts if count.sure) and not self.missing and not self.unreadable

    @property
    def usable(self) -> bool:
        """Nothing found forbids the use of this data."""
        return not any(problem.severity == "stop" for problem in self.problems)

    @property
    def verdict(self) -> str:
        """One line: usable or not, and the first reason."""
        stops = [problem.text for problem in self.problems if problem.severity == "stop"]
        fixes = sum(problem.severity == "fix" for problem in self.problems)
        if stops:
            return f"UNUSABLE: {stops[0]}"
        if fixes:
            return f"USABLE, with {fixes} thing{'s' if fixes > 1 else ''} to correct."
        return "USABLE: nothing to correct."

    @property
    def exact(self) -> tuple[Group, ...]:
        """Groups of equal files."""
        return tuple(group for group in self.groups if group.exact)

    @property
    def near(self) -> tuple[Group, ...]:
        """Groups of pictures that look the same but are not all equal files."""
        return tuple(group for group in self.groups if not group.exact)

    @property
    def leaks(self) -> tuple[Group, ...]:
        """Groups, exact or near, that lie in more than one split."""
        return tuple(group for group in self.groups if len(group.splits) > 1)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: every finding in full."""
        data = asdict(self)
        data["attributes"] = [asdict(report) | {"verdict": report.verdict} for report in self.attributes]
        leaks = [asdict(group) for group in self.leaks]
        head = {"verdict": self.verdict, "usable": self.usable, "as_published": self.as_published}
        return {**head, **data, "leaks": leaks}

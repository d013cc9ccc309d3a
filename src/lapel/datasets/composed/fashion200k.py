"""Fashion200k: captions that differ in one word make a reference, a change and a target.

Han et al., ICCV 2017; the rule is TIRG's (Vo et al., CVPR 2019). FashionERN's code follows it with two differences,
which are options here: runs of four blanks (not two) become one, and the pairs are drawn once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from lapel.datasets.composed.gathering import gather
from lapel.datasets.composed.text import clean_fashion200k, parent, replacement, siblings
from lapel.datasets.files import Missing
from lapel.errors import TableError
from lapel.schema import ComposedQuery, ComposedSet

TRIES = 5
"""Draws for each modifiable picture, as FashionERN's code makes them."""


@dataclass(frozen=True)
class Pair:
    """A picture, the change in words, and the picture that has it. captions: of both, cleaned."""

    reference: str
    target: str
    modifier: str
    captions: tuple[str, str]


def read_labels(lines: Iterable[str], name: str) -> Iterator[tuple[str, str]]:
    """Lines `path TAB score TAB caption` of a label file -> path and cleaned caption.

    Raises:
        TableError: a line without three columns.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        parts = line.rstrip("\n").split("\t")
        if len(parts) != 3:
            raise TableError(f"{name}, line {number}: {len(parts)} columns; expected path, score and caption, by tabs.")
        yield parts[0], clean_fashion200k(parts[2])


def read_label_files(files: Mapping[str, Iterable[str]], split: str) -> dict[str, str]:
    """Path -> caption over the files of one split, in the order of file names.

    files: name -> lines; those whose name holds `split` ("train" or "test") take part, as published.
    """
    named = {name: lines for name, lines in files.items() if split in Path(name).name}
    return dict(row for name in sorted(named) for row in read_labels(named[name], name))


class Changes:
    """Which captions differ in one word.

    Args:
        captions: path -> caption, in order.
        blanks: see `text.parent`.
    """

    def __init__(self, captions: Mapping[str, str], blanks: int = 2) -> None:
        self.captions = dict(captions)
        self.children = siblings(list(self.captions.values()), blanks)
        self.pictures: dict[str, list[str]] = {}
        for path, caption in self.captions.items():
            self.pictures.setdefault(caption, []).append(path)
        self.parents = {caption: self._parents(caption, blanks) for caption in self.pictures}

    def _parents(self, caption: str, blanks: int) -> list[str]:
        made = dict.fromkeys(parent(caption, word, blanks) for word in caption.split())
        return [name for name in made if len(self.children[name]) > 1]

    def modifiable(self, path: str) -> bool:
        """Whether another picture's caption differs from this one's in one word."""
        return bool(self.parents[self.captions[path]])

    def draw(self, path: str, random: Random) -> str:
        """A random picture of a random caption that shares a random parent with this picture's."""
        own = self.captions[path]
        while True:
            drawn = random.choice(self.children[random.choice(self.parents[own])])
            if drawn != own:
                return random.choice(self.pictures[drawn])

    def pairs(self, random: Random, tries: int = TRIES) -> list[Pair]:
        """Training pairs as FashionERN's code draws them, once: so many tries a modifiable picture, no unordered pair
        twice, none whose captions have the same words; shuffled.
        """
        made, taken = [], set()
        for path in filter(self.modifiable, self.captions):
            for _ in range(tries):
                target = self.draw(path, random)
                source, wanted = self.captions[path], self.captions[target]
                both = frozenset((path, target))
                if set(source.split()) == set(wanted.split()) or both in taken:
                    continue
                taken.add(both)
                made.append(Pair(path, target, replacement(source, wanted), (source, wanted)))
        random.shuffle(made)
        return made


def read_queries(lines: Sequence[str], captions: Mapping[str, str], name: str = "test_queries.txt") -> list[Pair]:
    """Lines `source target` of the published queries, with captions and the derived modifier.

    captions: path -> caption of the test pictures.

    Raises:
        TableError: a line without two paths, or a path that no label file names.
    """
    queries = []
    for number, line in enumerate(lines, start=1):
        paths = line.split()
        if not paths:
            continue
        if len(paths) != 2:
            raise TableError(f"{name}, line {number}: {len(paths)} paths; expected a source and a target.")
        for path in paths:
            if path not in captions:
                raise TableError(f"{name}, line {number}: '{path}' is in no label file of the test split.")
        source, wanted = (captions[path] for path in paths)
        queries.append(Pair(paths[0], paths[1], replacement(source, wanted), (source, wanted)))
    return queries


def found(root: Path) -> bool:
    """Whether a folder holds Fashion200k's label files."""
    return any((root / "labels").glob("*_detect_all.txt"))


def read_captions(root: str | Path, split: str) -> dict[str, str]:
    """Path -> caption of one split, from `labels/*_{split}_*.txt` in the order of file names.

    Raises:
        TableError: no such file, or a damaged line.
    """
    folder = Path(root) / "labels"
    files = {path.name: path.read_text(encoding="utf-8").splitlines() for path in sorted(folder.glob("*.txt"))}
    captions = read_label_files(files, split)
    if not captions:
        raise TableError(
            f"'{folder}' has no label file of the {split} split; expected dress_{split}_detect_all.txt, ..."
        )
    return captions


def read(root: str | Path, split: str = "test", *, seed: int = 42, missing: Missing = "strict") -> ComposedSet:
    """The test queries, or pairs drawn from the train captions.

    Every picture with the target's caption counts as right, as published.

    Args:
        root: holds `labels`, `test_queries.txt` and `women`.
        split: "train" (pairs are drawn from `seed`, as `Changes.pairs`) or "test".
        missing: see `gather`.

    Raises:
        TableError: a file is missing or damaged, or pictures are missing ("strict").
    """
    top = Path(root)
    captions = read_captions(top, split)
    if split == "train":
        pairs = Changes(captions).pairs(Random(seed))
    else:
        path = top / "test_queries.txt"
        if not path.is_file():
            raise TableError(f"'{path}' is missing; it comes from TIRG's authors. The labels alone give no queries.")
        pairs = read_queries(path.read_text(encoding="utf-8").splitlines(), captions)
    same: dict[str, list[str]] = {}
    for picture, caption in captions.items():
        same.setdefault(caption, []).append(picture)
    queries = [
        ComposedQuery(p.reference, (p.modifier,), tuple(same[p.captions[1]]), id=str(n)) for n, p in enumerate(pairs)
    ]
    files = {picture: top / picture if (top / picture).is_file() else None for picture in captions}
    return gather("fashion200k", split, files, {"": list(captions)}, queries, missing, captions)

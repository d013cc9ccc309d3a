"""Pictures in, embeddings out: the order, what is left out, and that neighbours in a batch change nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colour_model import COLOURS, ColourModel, draw
from lapel.embedding import embed, embed_batches
from lapel.errors import ImageMissing, ImageNotAnImage, InputError, ShapeError
from lapel.images import ImageCache

CYCLE = ("red", "green", "blue")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Ten outfits; every fourth is large, so that it takes longer to read than those after it."""
    sizes = [500 if n % 4 == 0 else 8 for n in range(10)]
    return [draw(tmp_path / f"{n}.png", CYCLE[n % 3], CYCLE[n // 3 % 3], side) for n, side in enumerate(sizes)]


def names(paths: list[Path]) -> list[str]:
    return [path.stem for path in paths]


def expected(n: int) -> np.ndarray:
    colours = [COLOURS[CYCLE[n % 3]], COLOURS[CYCLE[n // 3 % 3]]]
    halves = np.array(colours, np.float32) / 127.5 - 1
    return halves / np.linalg.norm(halves, axis=1, keepdims=True)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("batch", [1, 3, 10, 64])
def test_embeddings_come_in_the_order_of_the_paths(photos: list[Path], batch: int, workers: int) -> None:
    table, errors = embed(ColourModel(), photos, names(photos), batch=batch, workers=workers)
    assert table.ids == tuple(str(n) for n in range(10)) and errors == []
    for n in range(10):
        assert table.outputs.embeddings[n] == pytest.approx(expected(n), abs=0.02)


def spoil(photos: list[Path]) -> list[Path]:
    photos[0].unlink()
    photos[4].write_bytes(b"this is text, not a picture, whatever its name says")
    photos[9].unlink()
    return photos


@pytest.mark.parametrize("batch", [1, 2, 4, 100])
def test_with_skip_unreadable_pictures_are_reported_and_positions_never_shift(photos: list[Path], batch: int) -> None:
    spoil(photos)
    rows, errors = [], []
    for kept, outputs, unread in embed_batches(ColourModel(), photos, batch=batch, skip=True):
        assert len(kept) + len(unread) <= batch
        assert (outputs is None) == (not kept)
        for place, row in enumerate(kept):
            assert outputs.embeddings[place] == pytest.approx(expected(row), abs=0.02)
        rows += kept
        errors += unread
    assert rows == [1, 2, 3, 5, 6, 7, 8]
    assert [(type(e), e.path) for e in errors] == [
        (ImageMissing, photos[0]),
        (ImageNotAnImage, photos[4]),
        (ImageMissing, photos[9]),
    ]
    table, errors = embed(ColourModel(), photos, names(photos), batch=batch, skip=True)
    assert table.ids == ("1", "2", "3", "5", "6", "7", "8") and len(errors) == 3
    for place, n in enumerate(rows):
        assert table.outputs.embeddings[place] == pytest.approx(expected(n), abs=0.02)


def test_without_skip_the_first_unreadable_picture_stops_it(photos: list[Path]) -> None:
    spoil(photos)
    with pytest.raises(ImageMissing, match=r"0\.png"):
        embed(ColourModel(), photos, names(photos))


def test_the_batches_before_an_unreadable_picture_are_given_first(photos: list[Path]) -> None:
    photos[7].write_bytes(b"this is text, not a picture, whatever its name says")
    model, given = ColourModel(), []
    with pytest.raises(ImageNotAnImage):
        for rows, _, _ in embed_batches(model, photos, batch=3):
            given += rows
    assert given == [0, 1, 2, 3, 4, 5] and model.embedded == 6


def test_when_none_can_be_read_the_first_reason_is_given(photos: list[Path]) -> None:
    for path in photos:
        path.unlink()
    with pytest.raises(InputError, match=r"None of the 10 pictures can be read. The first: .*0\.png"):
        embed(ColourModel(), photos, names(photos), skip=True)


class Watch:
    def __init__(self) -> None:
        self.steps: list[int] = []

    def advance(self, amount: int = 1, **shown: str) -> None:
        self.steps.append(amount)


def test_progress_counts_every_picture_the_skipped_ones_too(photos: list[Path]) -> None:
    spoil(photos)
    watch = Watch()
    embed(ColourModel(), photos, names(photos), batch=4, skip=True, progress=watch)
    assert watch.steps == [4, 4, 2]


def test_a_model_is_called_with_no_more_than_a_batch(photos: list[Path]) -> None:
    calls: list[int] = []

    class Counting(ColourModel):
        def __call__(self, pixels):
            calls.append(len(pixels))
            return super().__call__(pixels)

    embed(Counting(), photos, names(photos), batch=4)
    assert calls == [4, 4, 2]


def test_wrong_arguments_say_what_is_wanted(photos: list[Path]) -> None:
    with pytest.raises(ShapeError) as raised:
        embed(ColourModel(), photos, ["a", "b"])
    assert str(raised.value) == "2 ids for 10 paths; give one id a picture."
    with pytest.raises(InputError, match="the list of paths is empty"):
        embed(ColourModel(), [], [])
    with pytest.raises(InputError) as wrong:
        embed(ColourModel(), photos, names(photos), batch=0)
    assert str(wrong.value) == "batch is 0; a model call needs at least one picture."


def test_it_reads_through_the_cache_of_resized_photos(tmp_path: Path) -> None:
    path = draw(tmp_path / "large.png", "green", "blue", 900)
    cache = ImageCache(tmp_path / "cache", 64)
    table, _ = embed(ColourModel(), [path], ["large"], cache=cache)
    assert table.outputs.embeddings[0, 0].argmax() == 1 and table.outputs.embeddings[0, 1].argmax() == 2
    assert len(list((tmp_path / "cache" / "64").rglob("*.jpg"))) == 1


def test_a_wide_photo_that_is_stretched_upright_is_never_decoded_smaller_than_the_input(tmp_path: Path) -> None:
    """JPEG decoders can give halves and quarters: what is decoded must reach the input's longer side."""
    from lapel.schema import Preprocess

    lines = np.zeros((500, 1000, 3), np.uint8)
    lines[::4] = lines[1::4] = 255  # two white rows, two black ones: gone at half the size
    path = tmp_path / "lines.jpg"
    Image.fromarray(lines).save(path, quality=95)
    seen = []

    class Tall(ColourModel):
        def __init__(self) -> None:
            super().__init__()
            self.card = self.card.with_(preprocess=Preprocess(500, 100, "stretch", 224))

        def __call__(self, pixels):
            seen.append(pixels)
            return super().__call__(pixels)

    embed(Tall(), [path], ["lines"])
    rows = seen[0][0, 0].mean(axis=1)
    assert rows.max() - rows.min() > 3

"""How a run goes: metrics.jsonl, TensorBoard, the progress bar and a picture of the curves."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from lapel.progress import Progress
from lapel.training.objective import Step
from lapel.training.place import Place, refuse_broken
from lapel.training.run_folder import RunFolder, writing
from lapel.training.stage import Scored, Stage

MEASURES = {"map": "MAP", "recall": "recall"}
"""What the mean of an epoch's figures is called, by its name in metrics.jsonl."""


class Journal:
    """Averages a few steps at a time and writes them down; only the first process writes.

    On a resumed run the lines after `place` are forgotten first, since the run writes them again.
    """

    def __init__(self, folder: RunFolder, stage: Stage, place: Place) -> None:
        self.folder, self.stage = folder, stage
        self.writes = stage.fabric.is_global_zero
        self.every = stage.recipe.running.log_every
        self.checks_each = stage.fabric.device.type == "cpu"  # elsewhere looking at a loss would stall the device
        self._board: Any = None
        self._forget()
        if self.writes:
            folder.rewind(place.epoch, place.step)
            self._board = _board(folder, self._count(place))

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._board is not None:
            self._board.close()

    def step(self, place: Place, result: Step, progress: Progress) -> None:
        """One update is done.

        Raises:
            TrainingError: the loss is no number.
        """
        known = ~torch.isnan(result.accuracy)
        self._sums += torch.stack(
            [result.loss, result.accuracy.nan_to_num(), known.float(), torch.ones_like(result.loss)]
        )
        if self.checks_each:
            refuse_broken(self.stage, self.folder, place, float(result.loss))
        if place.step % self.every and place.step < self.stage.feed.steps:
            progress.advance(self.stage.feed.photos)
            return
        loss, accuracy, known_steps, steps = self.stage.fabric.all_reduce(self._sums, reduce_op="sum").tolist()
        refuse_broken(self.stage, self.folder, place, loss / steps)
        row: dict[str, Any] = {"kind": "train", "epoch": place.epoch, "step": place.step, "loss": loss / steps}
        row["accuracy"] = accuracy / known_steps if known_steps else None
        row["rates"] = {group["name"]: group["lr"] for group in self.stage.optimizer.param_groups}
        row["photos_per_second"] = round(
            self.stage.feed.photos * steps / self._world / (time.monotonic() - self._since), 1
        )
        self._forget()
        shown = f"{row['accuracy']:.3f}" if known_steps else "-"
        epoch = f"{place.epoch}/{self.stage.recipe.optimiser.epochs}"
        progress.advance(self.stage.feed.photos, epoch=epoch, loss=f"{row['loss']:.4f}", accuracy=shown)
        self._write(row, place)

    def epoch(self, place: Place, found: Scored) -> None:
        """An epoch was scored: in percent, the mean over attributes (or categories) and each."""
        row: dict[str, Any] = {"kind": "valid", "epoch": place.epoch, "step": place.step}
        row |= {found.measure: round(found.mean, 4)}
        row["attributes"] = {name: round(figure, 4) for name, figure in found.each.items()}
        self._forget()
        self._write(row, place)
        with writing(self.folder.curves):
            draw_curves(self.folder.rows(), self.stage.feed.steps, self.folder.curves)

    @property
    def _world(self) -> int:
        return int(self.stage.fabric.world_size)

    def _count(self, place: Place) -> int:
        return (place.epoch - 1) * self.stage.feed.steps + place.step

    def _forget(self) -> None:
        self._sums = torch.zeros(4, device=self.stage.fabric.device)
        self._since = time.monotonic()

    def _write(self, row: dict[str, Any], place: Place) -> None:
        if not self.writes:
            return
        self.folder.log(row)
        flat = {name: value for name, value in row.items() if isinstance(value, int | float)}
        flat |= row.get("attributes", {}) | {f"rate/{name}": rate for name, rate in row.get("rates", {}).items()}
        for name, value in flat.items():
            if name not in ("epoch", "step"):
                self._board.add_scalar(f"{row['kind']}/{name}", value, self._count(place))


def _board(folder: RunFolder, done: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    with writing(folder.path):
        return SummaryWriter(str(folder.path), purge_step=done + 1 if done else None)


def draw_curves(rows: list[dict[str, Any]], steps: int, path: Path) -> None:
    """The rows of metrics.jsonl as a picture: loss against epochs, and each attribute's figure, the mean in bold."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4))
    left, right = figure.subplots(1, 2)
    trained = [row for row in rows if row["kind"] == "train"]
    left.plot([row["epoch"] - 1 + row["step"] / steps for row in trained], [row["loss"] for row in trained])
    left.set(xlabel="epoch", ylabel="loss", title="training loss")
    scored = [row for row in rows if row["kind"] == "valid"]
    epochs = [row["epoch"] for row in scored]
    for name in scored[0]["attributes"] if scored else ():
        right.plot(epochs, [row["attributes"].get(name) for row in scored], label=name, linewidth=1, marker=".")
    measure = "recall" if scored and "recall" in scored[0] else "map"
    right.plot(epochs, [row[measure] for row in scored], label="mean", linewidth=3, color="black", marker="o")
    right.set(xlabel="epoch", ylabel=f"{MEASURES[measure]}, %", title="validation")
    right.legend(fontsize=6, ncols=2)
    fresh = path.with_name(f".{path.name}.new")
    figure.savefig(fresh, format="png", dpi=100)
    fresh.replace(path)

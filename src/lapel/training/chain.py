"""An experiment of several runs by one command: each in a folder of its own, resumable inside and between."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from lapel.models.checkpoint import read_card
from lapel.training.experiment import Experiment
from lapel.training.run_folder import RunFolder, writing

Train = Callable[[Experiment, Path, bool], Path]
"""How one stage is trained: recipe, run folder, whether to go on with the run in it."""


def train_stages(recipe: Experiment, run_folder: str | Path, resume: bool, train: Train) -> Path:
    """Train `RUN/stage-1`, `RUN/stage-2`, ...; the last one's best checkpoint becomes that of RUN.

    A stage that is finished is not run again; one that was stopped goes on; one that was not begun begins.

    Raises:
        InputError: the folder is taken, or holds another recipe's run.
        TrainingError: nothing can be written.
    """
    whole = RunFolder(run_folder)
    folders = [RunFolder(whole.path / f"stage-{number}") for number in range(1, len(recipe.stages) + 1)]
    # Asked before anything is written, so that every process of several comes to the same answer.
    begun = [resume and folder.recipe.is_file() for folder in folders]
    done = [resume and finished(folder) for folder in folders]
    first = os.environ.get("RANK", "0") == "0"
    if first and resume:
        whole.reopen(recipe)
    elif first:
        whole.refuse_taken()
        whole.start(recipe)
    for number, folder in enumerate(folders, start=1):
        if not done[number - 1]:
            part = _starting(recipe.stage(number), folders[number - 2] if number > 1 else None)
            train(part, folder.path, begun[number - 1])
    if first:
        with writing(whole.best):
            fresh = whole.best.with_name(f".{whole.best.name}.new")
            shutil.copyfile(folders[-1].best, fresh)
            os.replace(fresh, whole.best)
    return whole.path


def finished(folder: RunFolder) -> bool:
    """Whether a run has come to its end: its best weights have the values that are fitted after the last epoch."""
    return folder.best.is_file() and read_card(folder.best).values_fitted


def _starting(part: Experiment, before: RunFolder | None) -> Experiment:
    """The recipe of a stage: "last" and "best" become the checkpoints of the stage before, "fresh" becomes none."""
    named = {"last": str(before.last), "best": str(before.best)} if before else {}
    return part.model_copy(update={"model": part.model.after(named | {"fresh": ""})})

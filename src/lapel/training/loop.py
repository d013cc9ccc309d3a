"""The training loop. A run is a function of its recipe: stopped anywhere and resumed, it ends with the same weights."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import torch
from torch import Tensor

from lapel.progress import Progress, bar
from lapel.training.chain import train_stages
from lapel.training.depthwise import faster_depthwise
from lapel.training.experiment import Experiment, Running
from lapel.training.freezing import training_mode
from lapel.training.journal import Journal
from lapel.training.objective import Step
from lapel.training.optimiser import set_rate
from lapel.training.pictures import ahead
from lapel.training.place import Place, restore, save_best, save_last
from lapel.training.plans import Say
from lapel.training.run_folder import RunFolder
from lapel.training.schedule import rate_factor
from lapel.training.stage import Stage, set_stage, start_processes
from lapel.training.stopping import Stopped, Wish, listening


def train(
    recipe: Experiment,
    run_folder: str | Path,
    resume: bool = False,
    quick: bool = False,
    say: Say = lambda remark: None,
    show: bool | None = False,
) -> Path:
    """Train a recipe in a run folder.

    Args:
        recipe: see `lapel.training.load_recipe`; one of several stages runs them all, each in a folder of its own
            inside the run folder, and the last one's model is the run's.
        run_folder: made by the run; an existing one must be empty, unless `resume`.
        resume: go on from the folder's last checkpoint, to the same weights as if never stopped.
        quick: two steps on CPU with tiny photos, to see that everything fits together.
        say: gets the run's remarks, one line each.
        show: the progress bar; None: when a person watches.

    Returns:
        The run folder; its `best.safetensors` is the model.

    Raises:
        InputError: the folder is taken, or holds another recipe's run.
        TableError, ImageError, UnknownName: the data cannot be used as the recipe asks.
        CheckpointError: the checkpoint of the stage before is missing, or is of another model.
        TrainingError: the loss is no number, an attribute cannot be learnt, or nothing can be written.
        Stopped: Ctrl-C; the place is saved.
    """
    recipe = recipe.quick if quick else recipe
    if recipe.stages:
        return train_stages(
            recipe, run_folder, resume, lambda part, at, again: train(part, at, again, say=say, show=show)
        )
    folder = RunFolder(run_folder)
    fabric = start_processes(recipe.running)
    if fabric.is_global_zero:
        folder.reopen(recipe) if resume else folder.refuse_taken()
    heard = say if fabric.is_global_zero else lambda remark: None
    stage = set_stage(recipe, fabric, heard, fresh=not (resume and folder.last.exists()))
    if fabric.is_global_zero and not resume:
        folder.start(recipe)
    fabric.barrier()
    place = restore(stage, folder) if resume else Place()
    with Journal(folder, stage, place) as journal:
        _run(stage, folder, place, journal, show)
        if fabric.is_global_zero:
            stage.finish(folder)
    fabric.barrier()
    return folder.path


def _run(stage: Stage, folder: RunFolder, place: Place, journal: Journal, show: bool | None) -> None:
    epochs, steps = stage.recipe.optimiser.epochs, stage.feed.steps
    left = (epochs - place.epoch + 1) * steps - place.step
    show = show if stage.fabric.is_global_zero else False
    with listening() as wish, bar("training", max(0, left) * stage.feed.photos, show=show) as progress:
        if not folder.last.exists():
            save_last(stage, folder, place)  # a disk that refuses should say so before the work, not after
        while place.epoch <= epochs:
            place = _epoch(stage, folder, place, journal, progress, wish)
            save_last(stage, folder, place)
            wish.at_once = True
            place = _validate(stage, folder, place, journal)
            wish.at_once = False
            save_last(stage, folder, place)


def _epoch(stage: Stage, folder: RunFolder, place: Place, journal: Journal, progress: Progress, wish: Wish) -> Place:
    """Train from `place` to the end of its epoch."""
    recipe, fabric, feed = stage.recipe, stage.fabric, stage.feed
    parts, world = recipe.optimiser.accumulate, fabric.world_size
    training_mode(stage.objective, stage.still, recipe.model.freeze_batchnorm)
    feed.begin(place.epoch)
    mine = range(place.step * parts * world + fabric.global_rank, feed.batches, world)
    saved = time.monotonic()
    with closing(ahead(mine, feed.batch, recipe.data.workers)) as batches:
        while place.step < feed.steps:
            set_rate(stage.optimizer, rate_factor(recipe.optimiser, place.epoch, place.step, feed.steps))
            torch.manual_seed(_step_seed(recipe.seed, place, fabric.global_rank))
            result = _step(stage, [next(batches) for _ in range(parts)])
            place = place.on(step=place.step + 1)
            journal.step(place, result, progress)
            if wish.asked or _due(recipe.running, place, saved):
                save_last(stage, folder, place)
                saved = time.monotonic()
            if wish.asked:
                raise Stopped(
                    f"Stopped in epoch {place.epoch}, step {place.step}; the place is saved in {folder.path}."
                )
    return place


def _step(stage: Stage, batches: list[tuple[Tensor, ...]]) -> Step:
    """One update, from one batch or from several whose gradients are averaged."""
    fabric, clip = stage.fabric, stage.recipe.optimiser.clip
    results = []
    for number, batch in enumerate(batches, start=1):
        with fabric.no_backward_sync(stage.objective, enabled=number < len(batches)):
            with faster_depthwise(fabric.device):
                result = stage.objective(*fabric.to_device(batch))
            fabric.backward(result.loss / len(batches))
        results.append(Step(result.loss.detach(), result.accuracy))
    if clip:
        fabric.clip_gradients(stage.objective, stage.optimizer, max_norm=clip)
    stage.optimizer.step()
    stage.optimizer.zero_grad()
    return Step(*(torch.stack(figures).mean() for figures in zip(*results, strict=True)))


def _validate(stage: Stage, folder: RunFolder, place: Place, journal: Journal) -> Place:
    """Score the epoch where it is due, keep the best weights, and step to the next epoch."""
    recipe, following = stage.recipe, place.on(epoch=place.epoch + 1, step=0)
    if place.epoch % recipe.evaluation.every and place.epoch < recipe.optimiser.epochs:
        return following
    if stage.fabric.is_global_zero:
        found = stage.score()
        journal.epoch(place, found)
        if found.figure > place.best:
            following = following.on(best=found.figure, best_epoch=place.epoch)
            stage.card = stage.card.with_(scores=found.record)
            save_best(stage, folder, following)
    stage.fabric.barrier()
    return following


def _due(running: Running, place: Place, saved: float) -> bool:
    """Whether the last checkpoint is to be renewed in mid-epoch."""
    by_steps = running.checkpoint_steps and place.step % running.checkpoint_steps == 0
    by_time = running.checkpoint_seconds and time.monotonic() - saved >= running.checkpoint_seconds
    return bool(by_steps or by_time)


def _step_seed(seed: int, place: Place, rank: int) -> int:
    """Dropout and the like draw from the place alone, so that no random state needs to be stored."""
    return hash((seed, place.epoch, place.step, rank)) & 0x7FFF_FFFF_FFFF_FFFF

"""What all readers of published checkpoints check: names, shapes, numbers; and which ResNet the tensors are."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from lapel.errors import CheckpointError


def our_name(key: str, prefixes: Mapping[str, str], author: str, begins: str) -> str:
    """The published name with its beginning replaced by ours.

    prefixes: theirs -> ours. author: whose code wrote the file; begins: how its names begin, for the message.

    Raises:
        CheckpointError: it begins with none of them.
    """
    for theirs, ours in prefixes.items():
        if key.startswith(theirs):
            return f"{ours}{key.removeprefix(theirs)}"
    raise CheckpointError(
        f"The checkpoint has '{key}'; in one that {author} wrote every name begins {begins}. Is it of another system?"
    )


def resnet_of(tensors: Mapping[str, Tensor], prefix: str = "backbone.") -> str:
    """By its blocks: bottlenecks are resnet50's, three or more in layer2 resnet34's, else it is resnet18."""
    if f"{prefix}layer1.0.conv3.weight" in tensors:
        return "resnet50"
    return "resnet34" if f"{prefix}layer2.2.conv1.weight" in tensors else "resnet18"


def check_attributes(known: int, named: int) -> None:
    """The table has a row for each named attribute.

    Raises:
        CheckpointError: it has more or fewer.
    """
    if known != named:
        raise CheckpointError(
            f"The checkpoint knows {known} attributes, {named} were named. Name those it was trained with, "
            "in their order."
        )


def check_tensors(
    system: str, built: Mapping[str, Tensor], ours: Mapping[str, Tensor], needs: str, hint: str = "", it: str = "it"
) -> None:
    """Every tensor of the model is in the file, of its shape and finite, and none besides (batch counters may lack).

    Args:
        system, it: how a message names the system, and calls it again. built: of the model, the checkpoint's part of
            it. ours: of the file, under our names. needs: who asks for a shape, with its verb; hint: what to do then.

    Raises:
        CheckpointError: any of it is not so.
    """
    extra = sorted(set(ours) - set(built))
    missing = sorted(key for key in set(built) - set(ours) if not key.endswith("num_batches_tracked"))
    if extra or missing:
        problem = f"has '{extra[0]}', which {it} does not" if extra else f"lacks '{missing[0]}'"
        raise CheckpointError(f"The checkpoint is not of {system}: it {problem} ({len(extra) + len(missing)} keys).")
    for key, value in sorted(ours.items()):
        if value.shape != built[key].shape:
            raise CheckpointError(
                f"'{key}' is {tuple(value.shape)} in the checkpoint; {needs} {tuple(built[key].shape)}.{hint}"
            )
        if value.is_floating_point() and not value.isfinite().all():
            raise CheckpointError(f"The checkpoint's '{key}' holds values that are no numbers; its training failed.")

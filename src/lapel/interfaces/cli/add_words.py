"""`lapel add-words`: teach a trained model text search and "like this, but ..."."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("add-words")
@click.argument("checkpoint", type=click.Path())
@click.option(
    "--data",
    "sets",
    multiple=True,
    required=True,
    type=click.Path(exists=True),
    help="A labelled photo set with splits; the first one chooses the epoch. Repeatable.",
)
@click.option(
    "--words",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of a BERT-like sentence encoder (vocab.txt, config.json, model.safetensors), for word vectors.",
)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The .safetensors file to write.")
@click.option("--system", default="combiner", show_default=True, help="How picture and words are joined.")
@click.option("--epochs", default=5, show_default=True, help="Of the two encoders.")
@click.option("--system-epochs", default=3, show_default=True, help="Of the system over them.")
@click.option("--dim", default=128, show_default=True, help="Length of the vector that a catalogue stores besides.")
@click.option("--two", default=0.5, show_default=True, help="Share of photos asked for two changes at once, besides.")
@click.option("--bare", default=0.25, show_default=True, help="How often a caption leaves its noun out.")
@click.option(
    "--strangers", default=64, show_default=True, help="Photos of the other sets that a caption must not find, a batch."
)
@click.option("--seed", default=1, show_default=True, help="Of weights, sampling and words; a seed gives one model.")
@click.option("--json", "as_json", is_flag=True, help="Print what was reached as JSON.")
def command(
    checkpoint: str,
    sets: tuple[str, ...],
    words: Path,
    out: Path,
    system: str,
    epochs: int,
    system_epochs: int,
    dim: int,
    two: float,
    bare: float,
    strangers: int,
    seed: int,
    as_json: bool,
) -> None:
    """Teach CHECKPOINT (a .safetensors or a run folder) words; its backbone and attributes stay as they are.

    lapel add-words RUN --data fashion-products --words minilm/model -o RUN/words.safetensors, then lapel export.
    """
    import json

    from lapel.datasets import read
    from lapel.errors import InputError
    from lapel.export import run_checkpoint
    from lapel.models import checkpoint as checkpoints
    from lapel.models.composed.static_words import static_words
    from lapel.progress import bar
    from lapel.training.words import Settings, save_taught, teach

    if out.exists():
        raise InputError(f"'{out}' exists; write a new file, or delete it first.")
    model, card = checkpoints.load(run_checkpoint(checkpoint))
    tables = [read(path) for path in sets]
    settings = Settings(
        system=system, epochs=epochs, system_epochs=system_epochs, dim=dim, two=two, bare=bare, strangers=strangers,
        seed=seed,
    )  # fmt: skip
    with bar("Word vectors", None, "tokens") as progress:
        vectors = static_words(words, progress)
    with bar("Teaching words", None, "steps") as progress:
        taught = teach(model, card, tables, vectors, settings, progress)
    stored = save_taught(out, model, card, taught)
    found = {name: part for name, part in stored.architecture["composed"].items() if name != "fits"}
    if as_json:
        click.echo(
            json.dumps(
                {"file": str(out), "fingerprint": stored.fingerprint, "seconds": round(taught.seconds, 1)} | found
            )
        )
        return
    click.echo(
        f"Valid split of {tables[0].name}: right among the first 10 for {found['valid']['R@10']} % of one-change "
        f"queries; MAP of texts {found['valid']['texts MAP']} %. "
        f"Epoch {found['epoch']}, {taught.seconds:.0f} s of processor time.\n"
        f"Written to {out}; `lapel export {out}` makes it a model to index and search with."
    )

"""`lapel data`: check, convert and draw data."""

from __future__ import annotations

import click

from lapel.interfaces.cli.main import LazyGroup

COMMANDS = {
    "check": "The data doctor: is this folder or table fit to train, evaluate and search?",
    "convert": "Turn any supported data into one table (CSV or Parquet) and back.",
    "synth": "Draw a labelled garment catalogue with masks, the same for the same seed.",
}


@click.group(cls=LazyGroup, commands_help=COMMANDS, package="lapel.interfaces.cli.data")
def command() -> None:
    """Check, convert and draw data."""

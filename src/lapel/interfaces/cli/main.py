"""The command `lapel`: finds the asked command's file, imports only that, and turns errors into one line."""

from __future__ import annotations

import importlib
import os
import sys

import click

from lapel.errors import LapelError

COMMANDS = {
    "add": "Add photos to a catalogue that is there; nothing is embedded twice.",
    "add-words": "Teach a trained model text search and 'like this, but ...'.",
    "bench": "How fast it is here: photos a second, milliseconds a query.",
    "cache": "Show or clear what Lapel keeps on this machine.",
    "compact": "Join the small pieces that many changes leave in a catalogue.",
    "classify": "Tell the attribute values and style of photos, with probabilities.",
    "compare": "Paired significance of two evaluations, attribute by attribute.",
    "data": "Check, draw or convert data (data check, synth, convert).",
    "demo": "Draw a small catalogue, index it, serve it, open its search page.",
    "evaluate": "Score a model per attribute: MAP, chance, 95 % interval.",
    "explain-check": "Do the heat maps tell the truth? Blur where they point and see scores fall.",
    "export": "Turn a checkpoint into ONNX with a certificate.",
    "import": "Turn a published .pth.tar checkpoint into a Lapel checkpoint.",
    "index": "Fill or update a catalogue from photos; nothing is embedded twice.",
    "info": "What a catalogue is and holds.",
    "models": "List the shipped models; show the card of any model.",
    "parity": "Prove that models, losses and metrics give the published code's numbers.",
    "recipes": "List what can be trained.",
    "regions": "Draw where a model looks on photos, and the crops that a second branch reads.",
    "remove": "Remove items from a catalogue.",
    "search": "Search a catalogue by the details of a photo.",
    "serve": "Serve a catalogue: the HTTP API and the search page.",
    "train": "Train a recipe; Ctrl-C or a crash loses at most the last checkpoint interval.",
    "update": "Change the metadata of stored items, from a table or by hand.",
    "verify": "Read a whole catalogue and say what is damaged.",
}
"""Command -> its line in `lapel --help`, kept here so that help imports no command."""


class LazyGroup(click.Group):
    """A group whose commands are imported only when they are called: help must answer at once."""

    def __init__(self, *args: object, commands_help: dict[str, str], package: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._help, self._package = commands_help, package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted(self._help)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import `<package>.<name>` and take its `command`; `import` lives in `import_.py`, `a-b` in `a_b.py`."""
        if cmd_name not in self._help:
            return None
        file = "import_" if cmd_name == "import" else cmd_name.replace("-", "_")
        module = importlib.import_module(f"{self._package}.{file}")
        return module.command  # type: ignore[no-any-return]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table above, importing nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._help[name]) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a misspelt name."""
        if args and args[0] not in self._help and not args[0].startswith("-"):
            from lapel.errors import UnknownName

            raise click.ClickException(str(UnknownName("command", args[0], self.list_commands(ctx))))
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    commands_help=COMMANDS,
    package="lapel.interfaces.cli",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="lapel", prog_name="lapel")
def command() -> None:
    """Search fashion by its details."""


def main() -> None:
    """Run `lapel`; whatever goes wrong becomes one line and a non-zero exit."""
    try:
        code = command.main(standalone_mode=False)  # click gives a command's exit status back, and raises nothing
        if isinstance(code, int) and code:
            sys.exit(code)
    except click.Abort:
        _fail("Stopped. Nothing that was stored is lost.", 130)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except LapelError as error:
        _fail(" ".join(str(error).split()), 1)
    except KeyboardInterrupt:
        _fail("Stopped. Nothing that was stored is lost.", 130)
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        _fail(f"The operating system refused: {error.strerror or error}{place}.", 1)
    except Exception as error:  # a defect of ours: still one line; who reports it can ask for the rest
        if os.environ.get("LAPEL_DEBUG"):
            raise
        what = f"{type(error).__name__}: {' '.join(str(error).split())}"
        _fail(f"Lapel has a defect here ({what}). Please report it, with what LAPEL_DEBUG=1 lapel ... prints.", 70)


def _fail(message: str, code: int) -> None:
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)

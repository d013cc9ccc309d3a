"""Write docs/commands.md from the commands' own help; a test fails while the page is stale."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from lapel.interfaces.cli.main import command

PAGE = Path(__file__).with_name("commands.md")
WIDTH = 100
HEAD = """# Commands

Written from the commands' own help by `docs/write_commands.py` (`make docs`); do not edit.

Every command is a thin skin over a public Python call. A failure is one line on standard error and a non-zero exit;
nothing is half written. Progress bars appear only on a terminal, on standard error, so `--json` can be piped.
"""


def commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group with its full name, in the order that help lists them."""
    context = click.Context(group, info_name=path[-1])
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield (*path, name), found
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))


def help_text(path: tuple[str, ...], found: click.Command) -> str:
    """What `--help` prints, at a fixed width."""
    parent = None
    for name in path[:-1]:
        parent = click.Context(command, info_name=name, parent=parent)
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": WIDTH, "terminal_width": WIDTH}
    return found.get_help(click.Context(found, info_name=path[-1], parent=parent, **settings))  # type: ignore[arg-type]


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for path, found in [(("lapel",), command), *commands(command, ("lapel",))]:
        marks = "#" * min(len(path) + 1, 4)
        parts.append(f"{marks} `{' '.join(path)}`\n\n```text\n{help_text(path, found)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""The command `lapel`: complete help, and one line instead of a traceback."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner

from lapel.errors import InputError
from lapel.interfaces.cli.main import COMMANDS, command, main


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None, name
        yield (*path, name), found
        if isinstance(found, click.Group):
            yield from _commands(found, (*path, name))


def test_help_lists_every_command_with_its_line() -> None:
    text = " ".join(CliRunner().invoke(command, ["--help"], terminal_width=120).output.split())
    for name, line in COMMANDS.items():
        assert f"{name} {line}" in text, name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_answers_help(name: str) -> None:
    group = click.Group(commands={name: command.get_command(click.Context(command), name)})  # type: ignore[dict-item]
    for path, found in _commands(group):
        answer = CliRunner().invoke(group, [*path, "--help"])
        assert answer.exit_code == 0, (path, answer.output)
        assert found.help, f"lapel {' '.join(path)} has no description"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name: str) -> None:
    group = click.Group(commands={name: command.get_command(click.Context(command), name)})  # type: ignore[dict-item]
    silent = [
        f"{' '.join(path)} {parameter.opts[0]}"
        for path, found in _commands(group)
        for parameter in found.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("raised", "line", "code"),
    [
        (InputError("Two lines\n   become one."), "Error: Two lines become one.\n", 1),
        (KeyboardInterrupt(), "Error: Stopped. Nothing that was stored is lost.\n", 130),
        (
            OSError(errno.ENOSPC, "No space left on device", "run/last"),
            "Error: The operating system refused: No space left on device (run/last).\n",
            1,
        ),
    ],
)
def test_a_failure_is_one_line_and_a_non_zero_exit(
    raised: BaseException, line: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise raised

    monkeypatch.setattr(command, "main", fail)
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == code
    assert capsys.readouterr() == ("", line)


def _lapel(*arguments: str) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-c", "from lapel.interfaces.cli.main import main; main()", *arguments]
    return subprocess.run(run, capture_output=True, text=True, timeout=300)


def test_a_misspelt_command_is_answered_with_the_nearest() -> None:
    done = _lapel("serch")
    assert done.returncode != 0
    assert done.stderr.startswith("Error: Unknown command 'serch'. Did you mean 'search'? Known: add, ")
    assert done.stderr.count("\n") == 1


def test_a_catalogue_that_is_not_there_is_one_line(tmp_path: Any) -> None:
    done = _lapel("search", str(tmp_path / "nowhere.lapel"), "--like", "a.jpg:neckline")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "nowhere.lapel" in done.stderr
    assert done.stderr.count("\n") == 1

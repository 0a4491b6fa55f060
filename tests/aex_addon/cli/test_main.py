"""The entry: every error is a line and an exit code, and starting costs little."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from aex_addon.cli.context import Context
from aex_addon.cli.main import COMMANDS, cli
from aex_addon.home import Home
from aex_addon.tokens import mint
from tests.aex_addon.cli.conftest import ROOT, Aex


def test_help_names_every_command(aex: Aex) -> None:
    """Each command of the table is in the help."""
    shown = aex("--help").stdout
    assert all(f"\n  {name} " in shown for name in COMMANDS)


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> dict[tuple[str, ...], click.Command]:
    """All commands but groups, by their words."""
    found: dict[tuple[str, ...], click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            found |= commands(command, (*path, name))
        else:
            found[(*path, name)] = command
    return found


def test_every_command_has_an_example() -> None:
    """The help of each command shows itself at work."""
    for path, command in commands(cli).items():
        assert f"aex {' '.join(path)}" in (command.help or ""), path


def test_every_option_is_explained() -> None:
    """Each has a sentence, and whatever prints can print JSON."""
    for path, command in commands(cli).items():
        options = [one for one in command.params if isinstance(one, click.Option)]
        assert all(one.help for one in options), path
        assert path == ("run",) or any("--json" in one.opts for one in options), path


def test_help_fits_a_terminal() -> None:
    """No line of any help is longer than 80 columns."""
    for path, command in commands(cli).items():
        context = click.Context(command, info_name=f"aex {' '.join(path)}", terminal_width=80)
        assert max(map(len, command.get_help(context).splitlines())) <= 80, path


@pytest.mark.parametrize(
    "words", [("create", "x", "-1", "0"), ("create", "x", "1", "-5"), ("top-up", "x", "-0.5")]
)
def test_what_is_below_zero(aex: Aex, words: tuple[str, ...]) -> None:
    """It looks like an option, and is told for what it is."""
    assert "is below 0" in aex("agent", *words, code=2).stderr
    assert "No such option '--x'" in aex("agent", "list", "--x", code=2).stderr


@pytest.mark.parametrize(
    ("mode", "config", "line"),
    [
        (0o755, "", "aex: {home} is open to other users (mode 0755); run: chmod 700 {home}\n"),
        (0o700, "lisen = 1", "aex: aex.toml:1: unknown key 'lisen'; did you mean 'listen'?\n"),
        (0o700, "", "aex: there is no ledger at {home}/ledger.db; `aex init` makes one\n"),
    ],
)
def test_errors_are_one_line(aex: Aex, home_mode: Home, mode: int, config: str, line: str) -> None:
    """Home, configuration and ledger each say what is wrong and how to mend it."""
    home_mode.config.write_text(config)
    result = aex("agent", "list", code=1)
    assert result.stderr == line.format(home=home_mode.path)
    assert result.stdout == ""


@pytest.fixture
def home_mode(request: pytest.FixtureRequest, home: Home) -> Home:
    """A home with the mode of the parameter `home`."""
    home.path.mkdir()
    home.path.chmod(request.node.callspec.params["mode"])
    return home


def test_secrets_are_taken_out_of_errors(aex: Aex, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token inside an error, and a control character, do not reach the terminal."""
    token = mint().secret

    def fail(_context: Context) -> None:
        raise OSError(f"bad {token}\x1b[2J")

    monkeypatch.setattr(Context, "reader", fail)
    assert aex("agent", "list", code=1).stderr == "aex: bad [token]?[2J\n"


def test_an_interrupt_is_no_failure(aex: Aex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a command without a word, with the exit code that shells have for it."""

    def interrupted(_context: Context) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Context, "reader", interrupted)
    assert aex("agent", "list", code=130).output == ""


def test_a_reader_that_goes_away(program: Callable[..., subprocess.Popen[str]]) -> None:
    """What nobody reads any more, as behind `head`, ends without a word."""
    reading, writing = os.pipe()
    os.close(reading)
    process = program("version", stdout=writing)
    os.close(writing)
    assert process.communicate() == (None, "")
    assert process.returncode == 1


def test_another_pipe_that_breaks(aex: Aex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not the output, it is a failure like any other."""

    def broken(_context: Context) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(Context, "reader", broken)
    assert aex("agent", "list", code=1).stderr == "aex: Broken pipe\n"


def test_no_heavy_imports() -> None:
    """Help, version and the list of agents come without mitmproxy and without prices."""
    program = (
        "import sys\n"
        "from aex_addon.cli.main import cli\n"
        "for words in (['--help'], ['version'], ['agent', 'create', 'a', '1', '1'],\n"
        "              ['agent', 'list']):\n"
        "    try: cli(words)\n"
        "    except SystemExit as end: assert not end.code, words\n"
        "heavy = {'mitmproxy', 'genai_prices', 'flask', 'openai'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_as_a_program(program: Callable[..., subprocess.Popen[str]]) -> None:
    """Exit codes reach the shell: 0, 1 for a refusal, 2 for wrong usage."""
    for words, code in ((["version"], 0), (["agent", "list"], 1), (["agent", "x"], 2)):
        process = program(*words)
        process.communicate()
        assert process.returncode == code

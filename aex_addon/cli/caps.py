"""The caps of an account on the command line: how they are set, and how they are shown.

Owns: the options that `create` and `limits` share. Refuses to know: what a cap does, which are fit
(ledger/caps.py decides both).
"""

from __future__ import annotations

from typing import Any

import click

from aex_addon.cli.output import Command
from aex_addon.cli.values import COUNT

_SWITCHES = {
    "streaming": "Answers that come piece by piece.",
    "tools": "Tools, whoever runs them.",
    "function_calling": "Tools that the agent runs itself.",
    "vision": "Pictures and films, whether by address, as data or as a stored file.",
    "audio": "Sound, heard or spoken.",
    "documents": "Documents; those with pages need --vision, too.",
    "passthrough": "Providers and MCP servers that get the agent's own key.",
    "strict": "Refuse what no option allows by name.",
}
_COUNTS = {
    "max_input_tokens": "The most input of a call, by the bound that AEX reserves; 0 is no limit.",
    "max_output_tokens": "The most output of a call; a larger cap is made smaller. 0 is no limit.",
    "max_total_tokens": "The most of both together; 0 is no limit.",
}
_USED = "that may be used, as a pattern with * and ?"
_PLACED = 'as a pattern or a network, with a port or without ("*.example.com:443")'
_GLOBS = {
    "models": ("--allow-model", f"A model {_USED}"),
    "tool_names": ("--allow-tool", f"A tool {_USED}"),
    "egress_allow": ("--allow-host", f"A host beside the providers that may be reached, {_PLACED}"),
    "egress_deny": ("--deny-host", f"A host that may not be reached, {_PLACED}"),
}
ALL = "all"
CAPS = (*_GLOBS, *_COUNTS, *_SWITCHES)


def caps_options(command: Command) -> Command:
    """All caps; what is not named is None, or an empty list."""
    for name, text in reversed(_SWITCHES.items()):
        option = name.replace("_", "-")
        command = click.option(f"--{option}/--no-{option}", name, default=None, help=text)(command)
    for name, text in reversed(_COUNTS.items()):
        option = name.replace("_", "-")
        count = click.option(
            f"--{option}", name, type=COUNT, default=None, metavar="TOKENS", help=text
        )
        command = count(command)
    for name, (option, what) in reversed(_GLOBS.items()):
        text = f"{what}; give it again for more."
        command = click.option(option, name, multiple=True, metavar="GLOB", help=text)(command)
    return command


def uncap_option(command: Command) -> Command:
    """Caps to be taken away."""
    text = f"Take a cap away, or all: {', '.join((ALL, *CAPS))}. Give it again for more."
    kinds = click.Choice([ALL, *CAPS])
    return click.option("--uncap", type=kinds, multiple=True, metavar="CAP", help=text)(command)


def caps_of(options: dict[str, Any]) -> dict[str, Any] | None:
    """Takes the caps out of a command's options: what is to be changed, None where nothing is.

    A cap that is None is to be taken away.
    """
    gone = options.pop("uncap", ())
    found: dict[str, Any] = dict.fromkeys(CAPS if ALL in gone else gone)
    for name in CAPS:
        value = options.pop(name, None)
        if name in _COUNTS and value == 0:
            found[name] = None
        elif value is not None and value != ():
            found[name] = list(value) if isinstance(value, tuple) else value
    return found or None


def caps_text(caps: dict[str, Any] | None) -> str | None:
    """One line for people; None where there are no caps."""
    if caps is None:
        return "unreadable; `--uncap all` begins anew"
    return ", ".join(_said(name, caps[name]) for name in CAPS if name in caps) or None


def _said(name: str, value: Any) -> str:
    words = name.replace("_", " ")
    if isinstance(value, list):
        return f"{words} {' '.join(value)}"
    return f"{'' if value else 'no '}{words}" if isinstance(value, bool) else f"{words} {value}"

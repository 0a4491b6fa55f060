"""An environment change as text: for a shell to evaluate, a container to read, a program to parse.

Owns: the quoting rules of each form.
Refuses to know: what the variables mean.

Invariant: whatever a value holds, evaluating the text assigns exactly that value and runs nothing.
A value that a form cannot carry is refused, never altered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Literal, get_args

from certs.env import EnvironmentChange

Shell = Literal["sh", "bash", "zsh", "fish", "powershell", "json", "dotenv", "docker"]
SHELLS: tuple[Shell, ...] = get_args(Shell)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BARE = re.compile(r"[A-Za-z0-9_./:@%,+=-]*")


def render(change: EnvironmentChange, shell: Shell) -> str:
    """Return `change` in the form of `shell`, ending in a newline.

    `sh`, `bash`, `zsh`, `fish`, `powershell`: commands for `eval` (`Invoke-Expression`).
    `json`: {"set": {name: value}, "unset": [name]}. `dotenv`: a .env file. `docker`: for
    `docker run --env-file`. The last two cannot unset, and say so in a comment line.
    Raises ValueError for a name that is no variable name, for NUL, and for a value that the form
    cannot carry; LookupError for a shell that is not in SHELLS.
    """
    for name in (*change.set, *change.unset):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a variable")
    for name, value in change.set.items():
        if "\0" in value:
            raise ValueError(f"the value of {name} holds NUL, which no environment can carry")
    if shell == "json":
        return json.dumps({"set": change.set, "unset": list(change.unset)}, indent=2) + "\n"
    unset, assign = _FORMS[shell]
    lines = [unset(name) for name in change.unset]
    lines += [assign(name, value) for name, value in change.set.items()]
    return "".join(f"{line}\n" for line in lines)


def _posix(name: str, value: str) -> str:
    quoted = value.replace("'", "'\\''")
    # The semicolon keeps an `eval $(...)` without quotes, a common slip, from joining lines.
    return f"export {name}='{quoted}';"


def _fish(name: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{quoted}';"


def _powershell(name: str, value: str) -> str:
    # PowerShell takes the typographic single quotes for the plain one.
    quoted = re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", value)
    return f"$Env:{name} = '{quoted}'"


def _dotenv(name: str, value: str) -> str:
    """Use only what the common .env readers agree on; they differ in every escape.

    Some expand `$` even between single quotes.
    """
    if _BARE.fullmatch(value):
        return f"{name}={value}"
    if not re.search(r"[\\$`\r\n]", value):
        for quote in "'\"":
            if quote not in value:
                return f"{name}={quote}{value}{quote}"
    raise ValueError(f"the value of {name} cannot be written for every .env reader; use json")


def _docker(name: str, value: str) -> str:
    """Docker takes all after the equals sign as it stands, quotes too, up to the line's end."""
    if value != "".join(value.splitlines()):
        raise ValueError(f"the value of {name} has several lines; an env-file cannot hold it")
    return f"{name}={value}"


def _comment(name: str) -> str:
    return f"# not to be set: {name}"


_FORMS: Mapping[str, tuple[Callable[[str], str], Callable[[str, str], str]]] = {
    "sh": (lambda name: f"unset {name};", _posix),
    "bash": (lambda name: f"unset {name};", _posix),
    "zsh": (lambda name: f"unset {name};", _posix),
    "fish": (lambda name: f"set -e {name};", _fish),
    "powershell": (
        lambda name: f"Remove-Item Env:{name} -ErrorAction SilentlyContinue",
        _powershell,
    ),
    "dotenv": (_comment, _dotenv),
    "docker": (_comment, _docker),
}

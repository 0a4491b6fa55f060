"""Laws of certs/render.py."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.env import EnvironmentChange
from certs.render import SHELLS, Shell, render

HOSTILE = [
    "",
    " ",
    "plain",
    "it's",
    "'",
    "''",
    "\\",
    "\\'",
    "'; touch pwned; '",
    "$(touch pwned)",
    "`touch pwned`",
    "${HOME}$HOME",
    "!!",
    "a\nb",
    "a\n\nexport PWNED=1\n",
    "tab\tand  spaces ",
    '"double"',
    "# no comment",
    "*?[a]{b,c}~",
    "ünïcode ’‘‚‛ 🔑",
    "a;b|c&d>e<f",
    "\x1b[31m\x07",
]


def evaluated(command: list[str], text: str) -> dict[str, str]:
    """Let a real shell evaluate `text`, and return the environment that a child then sees."""
    done = subprocess.run(
        [*command, 'eval "$RENDERED"; exec env -0'],
        # fish re-encodes what is not ASCII by the locale; in C it would garble even its own input.
        env={
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "RENDERED": text,
            "ALL_PROXY": "x",
            "KEPT": "kept",
        },
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert done.stderr == b""
    return dict(pair.split("=", 1) for pair in done.stdout.decode().split("\0") if pair)


SHELL_COMMANDS: list[tuple[Shell, list[str]]] = [
    ("sh", ["sh", "-c"]),
    ("bash", ["bash", "-c"]),
    ("zsh", ["zsh", "-f", "-c"]),
    ("zsh", ["zsh", "-f", "-o", "rcquotes", "-c"]),
    ("fish", ["fish", "--no-config", "-c"]),
]


@pytest.mark.parametrize(("shell", "command"), SHELL_COMMANDS, ids=str)
def test_a_real_shell_reads_back_every_value(shell: Shell, command: list[str]) -> None:
    """Hostile values arrive unchanged, unset names are gone, and nothing else happens."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    values = {f"V{index}": value for index, value in enumerate(HOSTILE)}
    seen = evaluated(command, render(EnvironmentChange(values, ("ALL_PROXY", "NEVER_SET")), shell))
    assert {name: seen[name] for name in values} == values
    assert "ALL_PROXY" not in seen
    assert seen["KEPT"] == "kept"
    assert "PWNED" not in seen


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_bash_reads_back_any_value(values: list[str]) -> None:
    """Not only the values that somebody thought of."""
    named = {f"V{index}": value for index, value in enumerate(values)}
    seen = evaluated(["bash", "-c"], render(EnvironmentChange(named, ()), "bash"))
    assert {name: seen[name] for name in named} == named


def test_an_unquoted_eval_still_works() -> None:
    """`eval $(aex env)` without quotes, which joins the lines, sets and unsets all the same."""
    text = render(EnvironmentChange({"A": "1", "B": "it's"}, ("ALL_PROXY",)), "bash")
    seen = evaluated(["bash", "-c"], " ".join(text.split()))
    assert (seen["A"], seen["B"], "ALL_PROXY" in seen) == ("1", "it's", False)


@pytest.mark.parametrize(
    ("shell", "text"),
    [
        ("bash", "unset U;\nexport K='it'\\''s';\n"),
        ("fish", "set -e U;\nset -gx K 'it\\'s';\n"),
        ("powershell", "Remove-Item Env:U -ErrorAction SilentlyContinue\n$Env:K = 'it''s'\n"),
        ("json", '{\n  "set": {\n    "K": "it\'s"\n  },\n  "unset": [\n    "U"\n  ]\n}\n'),
        ("dotenv", '# not to be set: U\nK="it\'s"\n'),
        ("docker", "# not to be set: U\nK=it's\n"),
    ],
)
def test_each_form_as_written(shell: Shell, text: str) -> None:
    """The text of each form, to be compared with its manual."""
    assert render(EnvironmentChange({"K": "it's"}, ("U",)), shell) == text


def test_powershell_knows_typographic_quotes() -> None:
    """PowerShell ends a string at curly single quotes too, so they are doubled."""
    assert "'a’’b‘‘c'" in render(EnvironmentChange({"K": "a’b‘c"}, ()), "powershell")


def test_json_carries_everything() -> None:
    """What other forms refuse, JSON holds."""
    values = {f"V{index}": value for index, value in enumerate(HOSTILE)}
    text = render(EnvironmentChange(values, ("ALL_PROXY",)), "json")
    assert json.loads(text) == {"set": values, "unset": ["ALL_PROXY"]}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", ["A B", "A;touch pwned", "1A", "", "A=B", "$A", "A\n", "É"])
def test_a_name_cannot_carry_a_command(shell: Shell, name: str) -> None:
    """A name that is no variable name is refused, set or unset."""
    for change in (EnvironmentChange({name: "x"}, ()), EnvironmentChange({}, (name,))):
        with pytest.raises(ValueError, match="cannot be the name"):
            render(change, shell)


@pytest.mark.parametrize(
    ("shell", "value"),
    [
        *((shell, "a\0b") for shell in SHELLS),
        ("docker", "a\nb"),
        ("docker", "a\r"),
        ("dotenv", "a\nb"),
        ("dotenv", "$HOME"),
        ("dotenv", 'it\'s "both"'),
    ],
)
def test_what_a_form_cannot_carry_it_refuses(shell: Shell, value: str) -> None:
    """A value is never altered to fit, and the refusal does not show it."""
    with pytest.raises(ValueError, match="value of K") as refusal:
        render(EnvironmentChange({"K": value}, ()), shell)
    assert value not in str(refusal.value)


def test_an_unknown_shell_is_refused() -> None:
    """There is no silent default."""
    with pytest.raises(LookupError):
        render(EnvironmentChange({}, ()), cast("Shell", "tcsh"))

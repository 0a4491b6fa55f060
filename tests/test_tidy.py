"""House rules, measured over the sources: limits, docstrings, banned calls, mirrored tests.

A limit here is hard. The aim is well under it: about 100 lines a file, 250 at most.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("aex_addon", "certs", "ledger", "providers", "web")

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100

# Modules without a test file of their own, each with its reason. The list only gets shorter: an
# entry whose module is gone, or has a test file by now, fails.
UNMIRRORED: dict[str, str] = {}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Ban:
    """A pattern, what to write instead, and the paths where it holds, by their beginnings."""

    banned: str
    replacement: str
    within: tuple[str, ...] = ("",)
    allowed_in: tuple[str, ...] = ()
    in_comments_too: bool = False

    def covers(self, path: str) -> bool:
        """Whether the ban holds for the file at this path."""
        return path.startswith(self.within) and not path.startswith(self.allowed_in or ("\0",))


BANS = [
    Ban(
        r"\btime\.time(_ns)?\b|\bfrom time import .*\btime(_ns)?\b"
        r"|\bdatetime\.(now|utcnow|today)\(|\bdate\.today\(",
        "take the time as an argument; the clock module alone asks the machine",
        allowed_in=("aex_addon/clock.py", "ledger/clock.py", "scripts/"),
    ),
    Ban(
        r"\bfloat\(",
        "money is integers, prices are Decimal",
        within=("ledger/", "providers/price", "aex_addon/price"),
    ),
    Ban(
        r"(?<![\w.])print\(",
        "log, or return the text to the command that prints",
        allowed_in=("aex_addon/cli/", "scripts/"),
    ),
    Ban(
        r"\basyncio\.(create_task|ensure_future)\b",
        "mitmproxy.utils.asyncio_utils.create_task, which keeps the task from being collected",
    ),
    Ban(
        r"\bexcept(\s+(Base)?Exception(\s+as\s+\w+)?)?:\s+(pass|\.\.\.)\s*$",
        "contextlib.suppress with the error that is meant, and why it may be dropped",
    ),
    Ban(
        r"\b(import|from) asyncio\b",
        "the ledger knows no event loop; aex_addon brings one to it",
        within=("ledger/",),
    ),
    Ban(
        r"\b(TODO|FIXME|XXX)\b",
        "do it, or open an issue",
        in_comments_too=True,
    ),
]


@cache
def modules() -> dict[str, str]:
    """Path below the root -> source, for each Python file of the five packages."""
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    return {str(file.relative_to(ROOT).as_posix()): file.read_text() for file in sorted(files)}


@cache
def scripts() -> dict[str, str]:
    """The same for scripts/, whatever they are written in."""
    files = (file for file in sorted((ROOT / "scripts").iterdir()) if file.is_file())
    return {f"scripts/{file.name}": file.read_text() for file in files}


@cache
def tree(path: str) -> ast.Module:
    """The parsed module at this path."""
    return ast.parse(modules()[path], path)


def code_only(source: str) -> str:
    """The source with comments and the text of strings blanked out, line by line in place."""
    lines = [list(line) for line in source.splitlines(keepends=True)]
    words = (tokenize.COMMENT, tokenize.STRING, tokenize.FSTRING_MIDDLE)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in words:
            continue
        (first, start), (last, end) = token.start, token.end
        for number in range(first, last + 1):
            line = lines[number - 1]
            to = end if number == last else len(line)
            for column in range(start if number == first else 0, min(to, len(line))):
                line[column] = line[column] if line[column] == "\n" else " "
    return "".join("".join(line) for line in lines)


def is_python(path: str, source: str) -> bool:
    """Scripts have no suffix; their first line tells."""
    return path.endswith(".py") or "python" in source.partition("\n")[0]


def violations(path: str, source: str) -> Iterator[str]:
    """Each line of a source that does what the ban list forbids, with the remedy."""
    code = code_only(source) if is_python(path, source) else ""
    for ban in BANS:
        text = source if ban.in_comments_too else code
        if ban.covers(path):
            for match in re.finditer(ban.banned, text, re.MULTILINE):
                number = text.count("\n", 0, match.start()) + 1
                yield f"{path}:{number}: {match.group().strip()!r}: {ban.replacement}"


def functions(module: ast.AST) -> Iterator[Function]:
    """Every function and method, however deep."""
    return (node for node in ast.walk(module) if isinstance(node, Function))


def mirror(path: str) -> str:
    """Where the tests of a module are: ledger/chain.py -> tests/ledger/test_chain.py."""
    folder, _, name = path.rpartition("/")
    return f"tests/{folder}/test_{name.removeprefix('__').replace('__.py', '.py')}"


def report(findings: list[str]) -> None:
    """Fail with one finding a line."""
    assert not findings, "\n" + "\n".join(findings)


def test_files_are_short() -> None:
    """No file is longer than the limit."""
    lengths = {path: source.count("\n") for path, source in modules().items()}
    report([f"{path}: {n} lines" for path, n in lengths.items() if n > FILE_LINES_MAX])


def test_functions_are_short() -> None:
    """No function is longer than the limit."""
    found = ((path, node) for path in modules() for node in functions(tree(path)))
    lengths = ((path, f, (f.end_lineno or f.lineno) - f.lineno + 1) for path, f in found)
    report([f"{p}: {f.name}: {n} lines" for p, f, n in lengths if n > FUNCTION_LINES_MAX])


def test_lines_are_short() -> None:
    """No line of a module or script is wider than the limit."""
    findings = []
    for path, source in (modules() | scripts()).items():
        if not path.endswith(".md"):  # a table row cannot be broken
            lines = enumerate(source.splitlines(), 1)
            findings += [f"{path}:{n}" for n, line in lines if len(line) > LINE_COLUMNS_MAX]
    report(findings)


def test_modules_open_with_a_docstring() -> None:
    """Every module says first what it owns."""
    report([path for path in modules() if not ast.get_docstring(tree(path))])


def test_packages_hold_no_logic() -> None:
    """An `__init__.py` is a docstring and nothing else, so that packages cannot form cycles."""
    inits = [path for path in modules() if path.endswith("__init__.py")]
    report([path for path in inits if len(tree(path).body) != 1])


def test_every_folder_of_modules_is_a_package() -> None:
    """A folder with modules has an `__init__.py`, or a wheel and mypy would each guess."""
    folders = {path.rpartition("/")[0] for path in modules()}
    report([folder for folder in sorted(folders) if f"{folder}/__init__.py" not in modules()])


def test_public_names_are_explained() -> None:
    """Every public function and class of a module has a docstring."""
    findings = []
    for path in modules():
        for node in tree(path).body:
            named = isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_")
            if named and not ast.get_docstring(node):
                findings.append(f"{path}:{node.lineno}: {node.name}")
    report(findings)


def test_nothing_banned_is_used() -> None:
    """No module or script does what the ban list forbids."""
    both = modules() | scripts()
    report([line for path, source in both.items() for line in violations(path, source)])


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("web/app.py", "import time\nnow = time.time()\n"),
        ("web/app.py", "from time import sleep, time\n"),
        ("web/app.py", "now = datetime.now(UTC)\n"),
        ("ledger/money.py", "x = float(y)\n"),
        ("providers/prices.py", "x = f'{float(y)}'\n"),
        ("certs/ca.py", "print(1)\n"),
        ("aex_addon/run.py", "asyncio.create_task(x)\n"),
        ("web/app.py", "try:\n    x()\nexcept Exception as e:  # never mind\n    pass\n"),
        ("web/app.py", "try:\n    x()\nexcept:\n    pass\n"),
        ("ledger/store.py", "from asyncio import Queue\n"),
        ("scripts/setup", "#!/bin/sh\n# FIXME\n"),
    ],
)
def test_the_ban_list_bites(path: str, source: str) -> None:
    """Each ban finds exactly one thing in a snippet that is wrong."""
    assert len(list(violations(path, source))) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("ledger/clock.py", "now = time.time_ns()\n"),
        ("web/app.py", '"""Never calls time.time() or print(x)."""  # nor float(x)\n'),
        ("web/app.py", "x = float(y)\nblueprint(z)\nconsole.print(z)\n"),
        ("aex_addon/cli/main.py", "print(1)\n"),
        ("aex_addon/run.py", "import asyncio\n"),
        ("web/app.py", "try:\n    x()\nexcept KeyError:\n    pass\n"),
    ],
)
def test_the_ban_list_spares(path: str, source: str) -> None:
    """What only looks banned, or is banned elsewhere, is left alone."""
    assert list(violations(path, source)) == []


def test_tests_mirror_the_tree() -> None:
    """Every module has a test file of its own, or stands in the list with its reason."""
    missing = [
        f"{path}: no {mirror(path)}"
        for path in modules()
        if not path.endswith("__init__.py") and not (ROOT / mirror(path)).exists()
    ]
    report([line for line in missing if line.partition(":")[0] not in UNMIRRORED])


def test_the_list_of_unmirrored_modules_shrinks() -> None:
    """An exemption goes as soon as its module does, or gets its tests."""
    stale = [path for path in UNMIRRORED if path not in modules() or (ROOT / mirror(path)).exists()]
    report([f"{path}: remove it from UNMIRRORED" for path in stale])


def test_tests_state_their_law() -> None:
    """Every test has a docstring of one sentence."""
    findings = []
    for file in sorted((ROOT / "tests").rglob("*.py")):
        for node in functions(ast.parse(file.read_text())):
            law = " ".join((ast.get_docstring(node) or "").split())
            if node.name.startswith("test_") and not re.fullmatch(r"(?:(?![.!?] [A-Z]).)+\.", law):
                findings.append(f"{file.relative_to(ROOT)}:{node.lineno}: {node.name}: {law!r}")
    report(findings)

"""A tool's manifest: what it is called, what it costs, what it runs and what it may touch.

Owns: the fields, their bounds, and how each mistake is told (README.md here explains the fields).
Refuses to know: where tools are kept (package.py), how the bounds are held (sandbox.py, run.py).
"""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic import ValidationError as Invalid

from ledger.money import parse_usd

MANIFEST_BYTES_MAX = 65_536
PYTHON = "python"
NAME = r"[a-z][a-z0-9_-]{0,63}"

# What a tool sees of these is the sandbox's own, or nothing: they hold other programs' secrets,
# devices, sockets of services that obey whoever reaches them, or are visible as they are.
_CLOSED = ("aex", "bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "root")
_CLOSED_TOO = ("run", "sbin", "sys", "tool", "usr", "var/run")
CLOSED_TO_TOOLS = tuple(PurePosixPath("/", name) for name in (*_CLOSED, *_CLOSED_TOO))
_HOLDERS_OF_HOMES = (PurePosixPath("/home"), PurePosixPath("/Users"), PurePosixPath("/var/lib"))
_TEXT = re.compile(r"[^\x00-\x1f\x7f]*")


class ManifestError(Exception):
    """The manifest cannot be used; one line for each mistake."""


def _plain(text: str) -> str:
    if not _TEXT.fullmatch(text):
        raise ValueError("control characters have no place here")
    return text


def _entrypoint(words: tuple[str, ...]) -> tuple[str, ...]:
    program = words[0]
    if program == PYTHON:
        if len(words) == 1:
            raise ValueError(f"{PYTHON!r} alone runs nothing; name a file of the package after it")
        return words
    parts = program.split("/")
    if program.startswith("/") or ".." in parts or "" in parts:
        raise ValueError(
            f"{program!r} must be {PYTHON!r} or a file of the package, such as bin/tool"
        )
    return words


def _path(text: str) -> str:
    """A directory or file outside that the tool may read, or write if "rw:" stands before it."""
    bare = text.removeprefix("rw:")
    path = PurePosixPath(bare)
    if not bare.startswith("/") or bare != posixpath.normpath(bare) or bare.startswith("//"):
        raise ValueError(f'{text!r} must be an absolute path in its plain form, or "rw:" and one')
    if bare in ("/", "/tmp"):  # noqa: S108 - refused, not used
        raise ValueError(f"{text!r} holds everybody's files; name what the tool needs of it")
    for closed in CLOSED_TO_TOOLS:
        if path.is_relative_to(closed):
            raise ValueError(f"{text!r} is not given to tools, as everything in {closed}")
    holds = any(each.is_relative_to(path) for each in _HOLDERS_OF_HOMES)
    if holds or path.parent in _HOLDERS_OF_HOMES[:2]:
        raise ValueError(f"{text!r} holds somebody's home; name a folder in it")
    if any(part.startswith(".") for part in path.parts):
        raise ValueError(f"{text!r} is hidden; secrets are kept in such places")
    return text


def _paths(listed: tuple[str, ...]) -> tuple[str, ...]:
    bare = [PurePosixPath(each.removeprefix("rw:")) for each in listed]
    for n, one in enumerate(bare):
        for other in bare[n + 1 :]:
            if one.is_relative_to(other) or other.is_relative_to(one):
                raise ValueError(f"{one} and {other} lie one in the other; name one of them")
    return listed


def _cost(text: str) -> str:
    parse_usd(text)
    return text


Text = Annotated[str, AfterValidator(_plain)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Word = Annotated[Text, StringConstraints(min_length=1, max_length=4096)]


class Manifest(BaseModel):
    """One version of one tool. `cost_nanousd` is what each run is booked at."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, StringConstraints(pattern=rf"^{NAME}$")]
    version: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$")]
    description: Annotated[Text, StringConstraints(max_length=1000)] = ""
    entrypoint: Annotated[
        tuple[Word, ...], Field(min_length=1, max_length=64), AfterValidator(_entrypoint)
    ]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    cost_usd: Annotated[str, AfterValidator(_cost)] = "0"
    allowed_fs: Annotated[
        tuple[Annotated[Word, AfterValidator(_path)], ...],
        Field(max_length=32),
        AfterValidator(_paths),
    ] = ()
    network: Literal["none", "full"] = "none"
    ttl_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    output_max_kib: Annotated[int, Field(ge=1, le=16_384)] = 1024
    memory_max_mib: Annotated[int, Field(ge=32, le=65_536)] = 512
    processes_max: Annotated[int, Field(ge=1, le=1024)] = 32
    env: Annotated[
        dict[Variable, Annotated[str, StringConstraints(max_length=4096, pattern=r"^[^\x00]*$")]],
        Field(max_length=64),
    ] = {}

    @property
    def cost_nanousd(self) -> int:
        """What one run costs."""
        return parse_usd(self.cost_usd)

    @property
    def output_max_bytes(self) -> int:
        """The largest output that is passed on."""
        return self.output_max_kib * 1024

    @property
    def folders(self) -> tuple[tuple[Path, bool], ...]:
        """What of the machine the tool sees beside the system, and whether it may write there."""
        return tuple(
            (Path(each.removeprefix("rw:")), each.startswith("rw:")) for each in self.allowed_fs
        )


_EXPECTED = {
    "missing": "is missing",
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "tuple_type": "must be a list",
    "dict_type": "must be a table of names and texts",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} at most",
    "string_too_long": "must be {max_length} characters at most",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must fit {pattern}",
    "too_long": "must have {max_length} entries at most",
    "too_short": "must not be empty",
}


def parse_manifest(data: Mapping[str, Any]) -> Manifest:
    """The manifest that these values are. Raises ManifestError with a line for each mistake."""
    try:
        # As JSON, whose lists are what tuples are written as.
        return Manifest.model_validate_json(json.dumps(data, default=lambda _: None))
    except Invalid as error:
        found = error.errors(include_url=False, include_input=False)
        raise ManifestError("\n".join(dict.fromkeys(map(_told, found)))) from None


def read_manifest(path: Path) -> Manifest:
    """The manifest in a file, by its suffix TOML or JSON. Raises ManifestError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MANIFEST_BYTES_MAX + 1)
        if len(raw) > MANIFEST_BYTES_MAX:
            raise ManifestError(f"{path}: larger than {MANIFEST_BYTES_MAX // 1024} KiB")
        text = raw.decode()
        if path.suffix == ".toml":
            data: Any = tomllib.loads(text)
        elif path.suffix == ".json":
            data = json.loads(text, object_pairs_hook=_once)
        else:
            raise ManifestError(f"{path}: name it .toml or .json, so that it is read as that")
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: {error}") from None
    if not isinstance(data, dict):
        raise ManifestError(f"{path}: must be a table of fields")
    return parse_manifest(data)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses a key that stands twice: readers differ in which of the two they take."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} stands in it twice")
    return dict(pairs)


def _told(found: Any) -> str:
    place = ".".join(str(part) for part in found["loc"] if part != "[key]")
    context = found.get("ctx", {})
    if found["type"] == "extra_forbidden":
        return f"{place}: is no field; known are {', '.join(Manifest.model_fields)}"
    if "error" in context:
        return f"{place}: {context['error']}"
    return f"{place}: {_EXPECTED.get(found['type'], found['msg']).format_map(context)}"

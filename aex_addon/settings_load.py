"""Reading the settings: the file, then the variables, and how a mistake is told.

Owns: where a setting comes from, and naming its file, its line and the nearest right key.
Refuses to know: what settings there are (settings.py).
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from aex_addon.home import Home, Place, check_private, key_lines
from aex_addon.settings import Settings
from aex_addon.settings_egress import EgressSettings
from aex_addon.settings_mcp import McpSettings
from aex_addon.settings_rules import Conditions, Hours, PolicySettings, RuleSettings
from aex_addon.settings_tables import (
    CaptureSettings,
    ModelSettings,
    ProviderSettings,
    RouteSettings,
)
from aex_addon.settings_values import ConfigError, Table

# What AEX reads or sets for others under its own prefix, and what is no setting.
OTHER_VARIABLES = frozenset(
    f"AEX_{name}" for name in ("AGENT", "BASE_URL", "CA_FILE", "HOME", "PYTHON", "RUN", "TOKEN")
)


_TABLES: Mapping[str, type[Table]] = {
    "providers": ProviderSettings,
    "models": ModelSettings,
    "routes": RouteSettings,
    "mcp": McpSettings,
    "capture": CaptureSettings,
    "egress": EgressSettings,
    "rules": RuleSettings,
    "policy": PolicySettings,
}
# Tables inside a rule.
_INNER: Mapping[str, type[Table]] = {"unless": Conditions, "hours": Hours}
_EXPECTED = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "literal_error": "{expected}",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} at most",
}


def load(home: Home, environ: Mapping[str, str]) -> Settings:
    """The settings of the file, if there is one, under those of the environment.

    Raises ConfigError with every mistake at once; HomeError if others may read a file that holds
    a password.
    """
    data, origins = _read(home)
    # Strictly, for TOML has types; what is missing here may still come from a variable.
    problems = {
        place: line for place, kind, line in _problems(data, origins, None) if kind != "missing"
    }
    for name, place, value in _variables(environ, data):
        table: Any = data
        for part in place[:-1]:
            table = table.setdefault(part, {}) if isinstance(table, dict) else {}
        if isinstance(table, dict):
            table[place[-1]] = value
        origins[place] = name
    for place, _, line in _problems(data, origins, environ):
        problems.setdefault(place, line)
    if problems:
        raise ConfigError(tuple(dict.fromkeys(problems.values())))
    return Settings.model_validate(data, context=environ)


def _read(home: Home) -> tuple[dict[str, Any], dict[Place, str]]:
    name = home.config.name
    try:
        text = home.config.read_text(encoding="utf-8").replace("\r\n", "\n")
        data = tomllib.loads(text)
    except FileNotFoundError:
        return {}, {}
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at line (\d+), column \d+\)$", str(error))
        line = f"{found[1]}: {str(error)[: found.start()]}" if found else f" {error}"
        raise ConfigError((f"{name}:{line}",)) from error
    except (OSError, UnicodeError) as error:
        raise ConfigError((f"{home.config} cannot be read: {error}",)) from error
    if urlsplit(str(data.get("ledger"))).password:
        check_private(home.config)
    return data, {place: f"{name}:{line}" for place, line in key_lines(text)}


def _variables(
    environ: Mapping[str, str], data: Mapping[str, Any]
) -> Iterator[tuple[str, Place, Any]]:
    """Each setting in the environment, by its place: AEX_A__B is [a] b. Empty ones are unset.

    Names hold neither case nor dashes: a part that fits a name in the file means that name.
    """
    for name in sorted(environ.keys() - OTHER_VARIABLES):
        if not name.startswith("AEX_") or not environ[name]:
            continue
        place: Place = ()
        table: Any = data
        for part in name.removeprefix("AEX_").lower().split("__"):
            table = table if isinstance(table, Mapping) else {}
            fits = (key for key in table if re.sub(r"\W", "_", key).lower() == part)
            place += (next(fits, part),)
            table = table.get(place[-1], {})
        if place[0] == "rules":
            raise ConfigError((f"{name}: rules stand in aex.toml alone",))
        value: Any = environ[name]
        if value.startswith("{"):
            try:
                value = json.loads(value)
            except ValueError:
                raise ConfigError((f"{name}: expected a table as JSON",)) from None
        yield from ((name, *leaf) for leaf in _leaves(place, value))


def _leaves(place: Place, value: Any) -> Iterator[tuple[Place, Any]]:
    if not isinstance(value, dict):
        yield place, value
        return
    for key, inner in value.items():
        yield from _leaves((*place, key), inner)


def _problems(
    data: object, origins: Mapping[Place, str], environ: Mapping[str, str] | None
) -> Iterator[tuple[Place, str, str]]:
    """Place, kind and sentence of each mistake. Without an environment types are strict."""
    try:
        Settings.model_validate(data, strict=environ is None, context=environ)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False):
            place, kind = tuple(map(str, found["loc"])), found["type"]
            known = (place[:n] for n in range(len(place), 0, -1) if place[:n] in origins)
            beside = (at for at in origins if at[:-1] == place[:-1])
            origin = origins.get(next(known, next(beside, ())), "aex.toml")
            if kind == "extra_forbidden":
                line = _unknown(origin, place)
            elif kind == "missing":
                line = f"{origin}: [{'.'.join(place[:-1])}] needs the key {place[-1]!r}"
            else:
                context = found.get("ctx", {})
                expected = f"expected {_EXPECTED.get(kind, 'another value')}".format_map(context)
                reason = str(context.get("error", expected))
                line = f"{origin}: {'.'.join(place)}: {reason}"
            yield place, kind, line


def _unknown(origin: str, place: Place) -> str:
    """Names what was probably meant, in the manner of where it was written."""
    table = Settings if len(place) == 1 else _TABLES[place[0]]
    if place[0] == "rules" and len(place) > 1:
        table = _INNER.get(place[-2], table)
    names, wrong = [field.alias or name for name, field in table.model_fields.items()], place[-1]
    if origin.startswith("AEX_"):
        before = "".join(f"{part}__" for part in origin.split("__")[:-1]) or "AEX_"
        names = [before + name.upper() for name in names]
        names += OTHER_VARIABLES if len(place) == 1 else ()
        wrong = origin
    near = difflib.get_close_matches(wrong, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(names))}"
    what = "variable" if wrong is origin else f"key {wrong!r}"
    return f"{origin}: unknown {what}; {hint}"

"""What the operator decides: the keys of aex.toml, their defaults, their limits, their mistakes.

Owns: every setting, where it is read (the file, then AEX_… variables), and how a mistake is told:
file, line, and the nearest right key. No message repeats a value, for values may hold secrets.
Refuses to know: what the settings do.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from aex_addon.home import Home, Place, check_private, key_lines
from certs.errors import HostRefused
from certs.hosts import permitted_names

# What AEX reads or sets for others under its own prefix, and what is no setting.
OTHER_VARIABLES = frozenset(
    f"AEX_{name}" for name in ("AGENT", "BASE_URL", "CA_FILE", "HOME", "PYTHON", "RUN", "TOKEN")
)


class ConfigError(Exception):
    """The configuration cannot be used. `problems` holds one line for each mistake."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def split_listen(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:9000` or `[::1]:9000`. Raises ValueError with a sentence."""
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    named = re.fullmatch(r"[A-Za-z0-9._-]+", host) or (bare != host and ":" in bare)
    if not (named and re.fullmatch("[0-9]{1,5}", port) and int(port) < 65536):
        raise ValueError('expected HOST:PORT, such as "127.0.0.1:9000" or "[::1]:9000"')
    return bare, int(port)


def _listen(value: str) -> str:
    split_listen(value)
    return value


def _ledger(value: str) -> str:
    parts = urlsplit(value)
    file = value.startswith("sqlite:///") and len(value) > len("sqlite:///")
    if not file and not (parts.scheme in ("postgresql", "postgres") and parts.netloc):
        raise ValueError('expected "sqlite:///FILE" or "postgresql://USER@HOST/DATABASE"')
    return value


def _upstream(value: str) -> str:
    parts = urlsplit(value)
    try:
        named = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        named = False
    if not named or parts.query or parts.fragment or re.search(r"\s", value):
        raise ValueError('expected an address, such as "https://models.example" or with a path')
    if "@" in parts.netloc:
        raise ValueError("an upstream holds no credentials; name a variable in api_key_env")
    return value.rstrip("/")


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("expected the name of an environment variable, not the key itself")
    return value


def _split(value: object, info: Any) -> object:
    """In a variable a list is written with commas."""
    if info.context and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _hosts(value: list[str]) -> list[str]:
    try:
        permitted_names(value)
    except HostRefused as error:
        raise ValueError(str(error)) from error
    return [host.strip().lower() for host in value]


def _money(value: object) -> Decimal:
    if isinstance(value, float):
        raise ValueError('a binary fraction is not exact; write the price in quotes, as "0.15"')
    try:
        amount = Decimal(value) if isinstance(value, str | int) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite():
        raise ValueError('expected dollars per million tokens in quotes, as "0.15"')
    exponent = amount.as_tuple().exponent
    if not (0 <= amount <= 1_000_000 and isinstance(exponent, int) and exponent >= -12):
        raise ValueError("expected 0 to 1000000 dollars, with 12 decimals at most")
    return amount


Usd = Annotated[Decimal, BeforeValidator(_money)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


class _Table(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """Known keys only, and never changed."""


class ProviderSettings(_Table):
    """[providers.NAME]: where a provider's governed traffic goes, and whose key it takes."""

    upstream: Annotated[str, AfterValidator(_upstream)] | None = None
    api_key_env: Annotated[str, AfterValidator(_variable)] | None = None
    hosts: Annotated[list[str], BeforeValidator(_split), AfterValidator(_hosts)] | None = None


class ModelSettings(_Table):
    """[models.NAME]: what the price catalogue does not know, or knows otherwise."""

    provider: str
    input_usd_per_mtok: Usd
    output_usd_per_mtok: Usd = Decimal(0)
    cache_read_usd_per_mtok: Usd | None = None
    cache_write_usd_per_mtok: Usd | None = None
    max_output_tokens: Count | None = None
    context_window: Count | None = None
    hidden_output: bool | None = None


class Settings(_Table):
    """aex.toml."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:9000"
    ledger: Annotated[str, AfterValidator(_ledger)] = "sqlite:///ledger.db"
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    models: dict[str, ModelSettings] = Field(default_factory=dict)
    unpriced_models: Literal["refuse", "free"] = "refuse"
    unmetered_paths: Literal["refuse", "pass"] = "refuse"
    recovery: Literal["charge", "release"] = "charge"
    body_limit_mib: Annotated[int, Field(ge=1, le=1024)] = 32
    drain_seconds: Annotated[int, Field(ge=0, le=3600)] = 30
    denial_status: dict[str, Annotated[int, Field(ge=400, le=499)]] = Field(default_factory=dict)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def listen_host(self) -> str:
        """The address or name that is listened on, without brackets."""
        return split_listen(self.listen)[0]

    @property
    def listen_port(self) -> int:
        """0 lets the system choose."""
        return split_listen(self.listen)[1]


_TABLES: Mapping[str, type[_Table]] = {"providers": ProviderSettings, "models": ModelSettings}
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
    names, wrong = list(table.model_fields), place[-1]
    if origin.startswith("AEX_"):
        before = "".join(f"{part}__" for part in origin.split("__")[:-1]) or "AEX_"
        names = [before + name.upper() for name in names]
        names += OTHER_VARIABLES if len(place) == 1 else ()
        wrong = origin
    near = difflib.get_close_matches(wrong, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(names))}"
    what = "variable" if wrong is origin else f"key {wrong!r}"
    return f"{origin}: unknown {what}; {hint}"

"""The home and its configuration: is it there, is it closed to others, can it be read?

Owns: the looks at files. Refuses to know: what stands in the ledger or the CA.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from aex_addon.cli.checks.verdict import Verdict, broken, sound
from aex_addon.home import Home, HomeError, check_private
from aex_addon.settings import Settings
from aex_addon.settings_values import ConfigError

_NO_HOME = "run: aex init"


def look(home: Home, environ: Mapping[str, str]) -> tuple[list[Verdict], Settings | None]:
    """The verdicts, and the settings where they can be used."""
    if not home.path.is_dir():
        return [broken("home", f"there is none at {home.path}", _NO_HOME)], None
    exposed = [path for path in _private(home) if stat.S_IMODE(path.lstat().st_mode) & 0o077]
    verdict, settings = _config(home, environ)
    return [_home(home), *map(_closed, exposed), verdict], settings


def unusable(error: ConfigError) -> Verdict:
    """The verdict on a configuration with these problems."""
    remedy = "mend these lines of aex.toml, or the AEX_ variables that they name"
    return broken("config", "; ".join(error.problems), remedy)


def _home(home: Home) -> Verdict:
    verdict = _closed(home.path)
    return sound("home", f"{home.path}, closed to others") if verdict.level == "ok" else verdict


def _closed(path: Path) -> Verdict:
    try:
        check_private(path)
    except HomeError as error:
        said, _, remedy = str(error).partition("; ")
        return broken("home", said, remedy or "give it to the user that runs the gateway")
    return sound("home", f"{path} is closed to others")


def _private(home: Home) -> list[Path]:
    """Files in which secrets stand, as far as they are there."""
    found = [home.config, home.log_file, *home.path.glob("*.db*")]
    found += [path for path in home.keys.glob("*") if path.suffix != ".pub"]
    found += home.ca_dir.glob("mitmproxy-ca.pem")
    return [path for path in found if path.is_file()]


def _config(home: Home, environ: Mapping[str, str]) -> tuple[Verdict, Settings | None]:
    # Settings are read by pydantic, whose import is most of the cost of a short command.
    from aex_addon.settings_load import load

    if not home.config.exists():
        where = "no aex.toml; every setting has its default"
    else:
        where = str(home.config)
    try:
        settings = load(home, environ)
    except ConfigError as error:
        return unusable(error), None
    except HomeError as error:
        return broken("config", str(error), "mend what it names, then run aex doctor again"), None
    return sound("config", where), settings

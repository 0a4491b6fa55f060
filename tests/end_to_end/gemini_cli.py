"""The real Gemini CLI, headless and on a log-in, through `aex run`.

Owns: how it is started. Refuses to know: what its calls must come to.
Its variables say that it is logged in, and with which access token; nothing leads it to AEX. Its
settings keep it from telling its maker of its use, and from looking for a newer version.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.sdks import node, node_modules
from tests.end_to_end.test_run_clients import aex_run
from tests.end_to_end.upstream import REAL_KEY

LOGGED_IN = {
    "GOOGLE_GENAI_USE_GCA": "true",
    "GOOGLE_CLOUD_ACCESS_TOKEN": REAL_KEY,
    "GEMINI_CLI_TRUST_WORKSPACE": "true",
}
SETTINGS = {
    "privacy": {"usageStatisticsEnabled": False},
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
}


def ask(
    gateway: Gateway, agent: Agent, outer: Mapping[str, str], home: Path, model: str, text: str
) -> subprocess.CompletedProcess[str]:
    """One prompt; `home` is where it keeps its settings, sessions and reports of errors."""
    settings = home / ".gemini" / "settings.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(json.dumps(SETTINGS))
    program = node_modules(outer, "gemini-cli") / "@google" / "gemini-cli" / "bundle" / "gemini.js"
    words = ("--door", "auto", "--", node(), program, "--model", model, "--prompt", text)
    own = {"HOME": str(home), "TMPDIR": str(home), "AEX_HOME": str(gateway.home)}
    return aex_run(gateway, agent, *words, **LOGGED_IN, **own)

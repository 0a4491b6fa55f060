"""`aex init`: everything that a gateway needs, made before it is started.

Owns: the first aex.toml. Refuses to know: what else a home consists of (assembly.py).
"""

from __future__ import annotations

import os

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.output import emit, facts, json_option, say
from aex_addon.home import Home

TEMPLATE = """\
# AEX. Each key can also be set as a variable: AEX_LISTEN, AEX_PROVIDERS__OPENAI__UPSTREAM, …
# `aex models reload` takes changes up. What is commented out shows the default or an example.

# listen = "127.0.0.1:9000"
# ledger = "sqlite:///ledger.db"      # relative to this directory; or "postgresql://…"
# unpriced_models = "refuse"          # or "free"
# unmetered_paths = "refuse"          # or "pass"
# recovery = "charge"                 # or "release": calls cut off by a crash
# drain_seconds = 30
# witness_command = ["logger", "-t", "aex"]   # gets each signed checkpoint on standard input

# [providers.openai]
# api_key_env = "OPENAI_API_KEY"      # the variable that holds the key, never the key
# upstream = "https://mirror.example" # send governed calls elsewhere

# [providers.azure]                   # your own host: governed from then on
# upstream = "https://my-team.openai.azure.com"

# [providers.mine]                    # any other server that speaks OpenAI's formats
# upstream = "http://127.0.0.1:8000/v1"
# formats = ["openai"]
# free = true                         # or price_as = "openai", or prices below

# [models."my-model"]                 # what the price catalogue does not know; prices in quotes
# provider = "openai"
# input_usd_per_mtok = "0.15"
# output_usd_per_mtok = "0.60"
# max_output_tokens = 16384

# [routes.fast]                       # what `model = "fast"` is, at this gateway's own /v1
# to = ["groq/llama-3.3-70b-versatile", "openai/gpt-4o-mini"]   # the next one if the first is down

# [capture."transparent@10.0.0.1:8080"]   # agents that know of no proxy; README: who pays
# agents = { "10.0.0.5" = "NAME" }
"""


@click.command()
@json_option
@pass_context
def init(context: Context, as_json: bool) -> None:
    """Make the home (~/.aex, or AEX_HOME). What is there already stays as it is.

    \b
    AEX_HOME=/srv/aex aex init
    """
    from aex_addon.assembly import prepare
    from aex_addon.web_tokens import token_file
    from certs.ca import ROOT_FILE

    home = context.home
    new = home.ensure()
    write_template(home)
    prepare(home, context.settings, context.environ)
    with context.store():
        pass
    shape = {
        "home": str(home.path),
        "config": str(home.config),
        "ca": str(home.ca_dir / ROOT_FILE),
        "bundle": str(home.bundle),
        "admin_token": str(token_file(home, "operator")),
        "created": new,
    }
    if as_json:
        emit(shape)
        return
    facts([(name, value) for name, value in shape.items() if name != "created"])
    say("Next: `aex up`, then `aex agent create NAME BUDGET_USD RPM`.")


def write_template(home: Home) -> None:
    """Writes aex.toml with every key commented out, unless there is one."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        descriptor = os.open(home.config, flags, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(TEMPLATE)

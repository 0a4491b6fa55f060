"""AEX inside the user's own mitmproxy: `mitmdump -s` (or mitmweb) with this file.

Owns: loading the same ordered list of addons as `aex up` does, mitmproxy's options, and that its
own output holds no credential.
Refuses to know: anything else; home and settings are found as always (AEX_HOME, aex.toml).
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from mitmproxy import ctx

# A checkout need not be installed: mitmproxy adds this file's folder to the path, not the root.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from aex_addon.addons import default_addons, options
from aex_addon.assembly import assemble
from aex_addon.home import Home
from aex_addon.pipeline import Pipeline
from aex_addon.redaction import Redactor
from aex_addon.settings_load import load as load_settings  # `load` would be taken for a hook
from aex_addon.shown import Scrub, cover


class Aex:
    """The one addon of the script; those of the list hang below it, in their order."""

    def __init__(self) -> None:
        home = Home.locate(os.environ)
        settings = load_settings(home, os.environ)
        self.assembly = assemble(home, settings, os.environ, asyncio.get_running_loop())
        self.addons: list[Any] = [
            *default_addons(self.assembly),
            Scrub(self.assembly.routes.secrets),
        ]
        cover(ctx.master, Redactor(self.assembly.routes.secrets))

    def running(self) -> None:
        """Sets what AEX cannot do without; whoever runs mitmdump chose the listener."""
        ctx.options.update(onboarding=False, **options(self.assembly))

    async def done(self) -> None:
        """Settles what is still under way, then closes the ledger."""
        for addon in self.addons:
            if isinstance(addon, Pipeline):
                addon.settle_all()
        await self.assembly.parts.books.drained(10.0)
        self.assembly.close()


addons = [Aex()]

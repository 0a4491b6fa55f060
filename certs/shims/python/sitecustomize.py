"""Loaded by every Python that starts with this directory on PYTHONPATH, as `aex run` sets it.

Owns: one habit of aiohttp, which reads HTTPS_PROXY only with `trust_env=True` and goes around AEX
without. Here every session reads it. A program that does not import aiohttp is left as it is.
Refuses to know: AEX. It runs in the agent's own interpreter, of any version from 3.6 on, so it
imports nothing but the standard library and chains to the sitecustomize that it stands before.
"""

import functools
import os
import sys
from typing import Any


def trusting(module: Any) -> None:
    """Makes each ClientSession of aiohttp.client read the environment, whatever it is told."""
    original = module.ClientSession.__init__

    @functools.wraps(original)
    def init(self: Any, *args: Any, **options: Any) -> None:
        options["trust_env"] = True
        original(self, *args, **options)

    module.ClientSession.__init__ = init


class Finder:
    """Lets the others find aiohttp.client, and has it changed once it has run."""

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> Any:
        """As the import system asks; None for every other module."""
        if name != "aiohttp.client":
            return None
        others = (each for each in sys.meta_path if each is not cls)
        found = (each.find_spec(name, path, target) for each in others)
        spec = next((each for each in found if each is not None), None)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            loader: Any = spec.loader
            run = loader.exec_module

            def run_and_change(module: Any) -> None:
                run(module)
                trusting(module)

            loader.exec_module = run_and_change
        return spec


def chain() -> None:
    """Runs the sitecustomize that would have run without this one."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec
    from pathlib import Path

    here = Path(__file__).resolve().parent
    rest = [entry for entry in sys.path if Path(entry).resolve() != here]
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        sys.modules["sitecustomize"] = module = module_from_spec(spec)
        spec.loader.exec_module(module)


if __name__ == "sitecustomize":
    if os.environ.get("AEX_TOKEN"):
        sys.meta_path.insert(0, Finder)
    chain()

"""The shim of Python: aiohttp reads the environment, and nothing else changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from certs.env import PYTHON_SHIM, SHIMS

FAKE = """
class ClientSession:
    def __init__(self, *, trust_env=False):
        self.trust_env = trust_env
"""


def python(tmp_path: Path, program: str, **environ: str) -> str:
    """What a program prints in an interpreter with the shim, and `tmp_path` behind it."""
    path = f"{SHIMS / PYTHON_SHIM}:{tmp_path}"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": path, "AEX_TOKEN": "t", **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.fixture
def aiohttp(tmp_path: Path) -> Path:
    """A package of that name, of the parts that the shim touches."""
    (tmp_path / "aiohttp").mkdir()
    (tmp_path / "aiohttp" / "client.py").write_text(FAKE)
    (tmp_path / "aiohttp" / "__init__.py").write_text("from .client import ClientSession\n")
    return tmp_path


@pytest.mark.parametrize("told", ["", "trust_env=False", "trust_env=True"])
def test_every_session_reads_the_environment(aiohttp: Path, told: str) -> None:
    """Whatever a program says, its sessions go through the proxy."""
    program = f"import aiohttp; print(aiohttp.ClientSession({told}).trust_env)"
    assert python(aiohttp, program) == "True"


def test_without_aex_it_does_nothing(aiohttp: Path) -> None:
    """Where no token is set, aiohttp is as it was."""
    program = "import aiohttp; print(aiohttp.ClientSession().trust_env)"
    assert python(aiohttp, program, AEX_TOKEN="") == "False"


def test_the_users_own_is_run_too(tmp_path: Path) -> None:
    """The sitecustomize that it stands before runs, and is what importing the name gives."""
    (tmp_path / "sitecustomize.py").write_text("MARK = 'mine'\n")
    assert python(tmp_path, "import sitecustomize; print(sitecustomize.MARK)") == "mine"


def test_a_program_without_aiohttp_imports_nothing_of_it(tmp_path: Path) -> None:
    """The shim alone neither finds nor loads the library."""
    program = "import sys; print([name for name in sys.modules if 'aiohttp' in name])"
    assert python(tmp_path, program) == "[]"

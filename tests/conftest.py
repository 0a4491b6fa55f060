"""What every test gets: an AEX home of its own and an environment that says nothing.

A machine may route its own traffic through a proxy, trust its own CA or hold provider keys; tests
that want any of these set them, so the outer ones are taken away before the first fixture runs.
Processes that tests start inherit the same silence.
"""

from __future__ import annotations

import os
import re
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.tables import tables

if TYPE_CHECKING:
    from tests.ledger.postgres import Server

# Random examples, so that runs go on finding things; a failure prints what repeats it. Shared
# machines make single examples slow now and then, which says nothing about the code.
settings.register_profile(
    "ci", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=20)
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# A shell that starts a run in the background has it ignore these, and children inherit that; the
# tests of what Ctrl-C does would then test nothing.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)

SPEAKING = re.compile(
    r"""
    .*_PROXY | .*CA_BUNDLE | .*CA_CERTS.* | .*CAINFO | .*SSL_CERT_(FILE|DIR) | PIP_CERT
    | GRPC_DEFAULT_SSL_ROOTS_FILE_PATH | SSLKEYLOGFILE | NODE_OPTIONS | JAVA_TOOL_OPTIONS
    | AEX_.* | AWS_.* | (ANTHROPIC|AZURE|GEMINI|GOOGLE|GROQ|MISTRAL|OPENAI|OPENROUTER)_.*
    | .*_API_KEY | HF_TOKEN | COPILOT_GITHUB_TOKEN | LM_API_TOKEN
    """,
    re.VERBOSE | re.IGNORECASE,
)


@pytest.fixture(scope="session")
def outer_environment() -> dict[str, str]:
    """The environment as it was, for the few tests that must reach a package index."""
    return dict(os.environ)


@pytest.fixture(scope="session", autouse=True)
def silent_environment(
    outer_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Hold for session fixtures too, hence the home: nothing ever reaches the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in outer_environment:
            if SPEAKING.fullmatch(name):
                patch.delenv(name)
        patch.setenv("AEX_HOME", str(tmp_path_factory.mktemp("session-home")))
        yield


@pytest.fixture(autouse=True)
def aex_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that no other test sees; AEX makes the directory when it needs it."""
    home = tmp_path / "aex-home"
    monkeypatch.setenv("AEX_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server that nobody else uses. Fails, and says what to install, without one."""
    from tests.ledger.postgres import serve

    with serve() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Server) -> str:
    """The URL of an empty database."""
    return postgres.create_database(f"aex_{uuid.uuid4().hex}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the tables that tests have added rows to."""
    for line in tables(terminalreporter.stats.get("passed", [])):
        terminalreporter.write_line(line)

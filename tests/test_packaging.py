"""What users install: a wheel and a source archive that hold all of AEX and nothing else."""

from __future__ import annotations

import email
import json
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("aex_addon", "certs", "ledger", "providers", "web")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: object, env: dict[str, str], cwd: Path = ROOT) -> str:
    """What a command prints; its errors are the test's message."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, env=env, cwd=cwd, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def archives(
    tmp_path_factory: pytest.TempPathFactory, outer_environment: dict[str, str]
) -> dict[str, Path]:
    """The source archive, and the wheel that is built from that archive alone."""
    out = tmp_path_factory.mktemp("dist")
    run(
        *(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT),
        env=outer_environment,
    )
    return {"sdist": next(out.glob("*.tar.gz")), "wheel": next(out.glob("*.whl"))}


@pytest.fixture(scope="module")
def wheel_names(archives: dict[str, Path]) -> set[str]:
    """Every file in the wheel."""
    with zipfile.ZipFile(archives["wheel"]) as wheel:
        return set(wheel.namelist())


@pytest.fixture(scope="module")
def metadata(archives: dict[str, Path], wheel_names: set[str]) -> Message:
    """What the wheel says about itself."""
    name = next(name for name in wheel_names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(archives["wheel"]) as wheel:
        return email.message_from_bytes(wheel.read(name))


@pytest.fixture(scope="module")
def clean_bin(
    archives: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    outer_environment: dict[str, str],
) -> Path:
    """The programs of an environment that holds the wheel and its runtime dependencies only."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=True)
    # The versions are pinned for 3.12 and 3.13; see scripts/setup.
    pins = ("-c", ROOT / "constraints.txt") if sys.version_info < (3, 14) else ()
    run(
        *(home / "bin/python", "-m", "pip", "install", "-qq", "--disable-pip-version-check"),
        *(*pins, archives["wheel"]),
        env=outer_environment,
    )
    return home / "bin"


def package_files() -> set[str]:
    """Every file of the five packages that belongs to the product."""
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*"))
    kept = (file for file in files if file.is_file() and "__pycache__" not in file.parts)
    return {file.relative_to(ROOT).as_posix() for file in kept}


def test_the_wheel_holds_the_packages_and_nothing_else(wheel_names: set[str]) -> None:
    """Modules, templates, static files and other data are all in the wheel, and no tests."""
    inside = {name for name in wheel_names if ".dist-info/" not in name}
    assert inside == package_files()


def test_the_archive_can_rebuild_and_check_itself(archives: dict[str, Path]) -> None:
    """The source archive carries the sources, the tests, the scripts and the licence."""
    with tarfile.open(archives["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    extra = {"LICENSE", "README.md", "constraints.txt", "pyproject.toml", "PKG-INFO"}
    assert package_files() | extra | {"scripts/setup", "tests/conftest.py"} <= names
    assert not {name for name in names if name.startswith((".venv", ".ci", ".git/", "dist"))}


def test_the_metadata_says_what_installers_need(metadata: Message) -> None:
    """Name, licence, Python versions, extras and runtime dependencies stand as documented."""
    assert metadata["Name"] == "aex"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.12"
    assert set(metadata.get_all("Provides-Extra", [])) == {
        *("demo", "dev", "keyring", "otel", "parquet", "postgres"),
    }
    needed = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    names = {re.split(r"[^\w.-]", line)[0] for line in needed}
    assert {"apsw", "click", "flask", "mitmproxy", "peewee", "pydantic"} <= names
    assert not names & {"httpx", "openai", "psycopg", "pytest"}


def test_the_licence_travels_along(wheel_names: set[str]) -> None:
    """The wheel carries the text of its licence."""
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel_names)


def test_the_installed_command_runs(clean_bin: Path, metadata: Message, tmp_path: Path) -> None:
    """In a clean environment `aex version --json` answers with the version of the wheel."""
    env = {"AEX_HOME": str(tmp_path / "home")}
    answer = run(clean_bin / "aex", "version", "--json", env=env, cwd=tmp_path)
    assert metadata["Version"] in json.loads(answer).values()


def test_runtime_dependencies_are_complete(clean_bin: Path, tmp_path: Path) -> None:
    """Every module of the wheel imports without any extra, and pip finds no requirement unmet."""
    files = sorted(name for name in package_files() if name.endswith(".py"))
    names = [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in files]
    # script.py is run by mitmdump, inside its event loop; tests/aex_addon/test_script.py does that.
    # demo_agent.py is the demo's unmodified agent and needs the SDK, as the extra `demo` says.
    left_out = ("__main__", "aex_addon.script", "aex_addon.cli.demo_agent")
    names = [name for name in names if not name.endswith(left_out)]
    env = {"AEX_HOME": str(tmp_path / "home")}
    # -I keeps the working directory out of the import path: the wheel is meant, not this tree.
    program = f"import importlib\nfor name in {names}: importlib.import_module(name)"
    run(clean_bin / "python", "-I", "-c", program, env=env, cwd=tmp_path)
    run(clean_bin / "python", "-I", "-m", "pip", "check", env=env, cwd=tmp_path)

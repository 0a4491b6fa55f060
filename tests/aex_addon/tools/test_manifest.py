"""A manifest is taken whole or told, mistake by mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aex_addon.tools.manifest import Manifest, ManifestError, parse_manifest, read_manifest

LEAST: dict[str, Any] = {
    "name": "tool",
    "version": "1.0",
    "entrypoint": ["python", "main.py"],
    "sha256": "a" * 64,
}


def mistakes(**fields: Any) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(LEAST | fields)
    return str(caught.value).splitlines()


def test_the_least_manifest() -> None:
    """What is left out is the closed choice: no network, no folders, nothing in the environment."""
    found = parse_manifest(LEAST)
    assert (found.network, found.allowed_fs, found.env) == ("none", (), {})
    assert (found.cost_nanousd, found.ttl_seconds, found.output_max_bytes) == (0, 60, 1024 * 1024)
    assert Manifest.model_validate_json(found.model_dump_json()) == found
    with pytest.raises(ValidationError):
        found.network = "full"  # type: ignore[misc]


def test_every_field() -> None:
    """Money is exact, folders are split from their right."""
    fields = {
        "cost_usd": "0.0005",
        "allowed_fs": ["/srv/data", "rw:/home/u/out", "/tmp/shared"],
        "network": "full",
        "env": {"A_1": "x"},
    }
    found = parse_manifest(LEAST | fields)
    assert found.cost_nanousd == 500_000
    assert found.folders == (
        (Path("/srv/data"), False),
        (Path("/home/u/out"), True),
        (Path("/tmp/shared"), False),
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": "Tool"}, "name: must fit"),
        ({"name": "a" * 65}, "name: must fit"),
        ({"name": "../x"}, "name: must fit"),
        ({"name": "tool\n"}, "name: must fit"),
        ({"name": 1}, "name: must be text in quotes"),
        ({"version": "1/2"}, "version: must fit"),
        ({"version": ".."}, "version: must fit"),
        ({"description": "a\x1b[31m"}, "description: control characters"),
        ({"entrypoint": []}, "entrypoint: must not be empty"),
        ({"entrypoint": ["python"]}, "entrypoint: 'python' alone runs nothing"),
        ({"entrypoint": ["/bin/sh"]}, "must be 'python' or a file of the package"),
        ({"entrypoint": ["a/../b"]}, "must be 'python' or a file of the package"),
        ({"entrypoint": ["a//b"]}, "must be 'python' or a file of the package"),
        ({"entrypoint": ["x", ""]}, "entrypoint.1: must not be empty"),
        ({"entrypoint": ["x", "a\0b"]}, "entrypoint.1: control characters"),
        ({"entrypoint": "python main.py"}, "entrypoint: must be a list"),
        ({"sha256": "A" * 64}, "sha256: must fit"),
        ({"cost_usd": 0.5}, "cost_usd: must be text in quotes"),
        ({"cost_usd": "-1"}, "cost_usd: '-1' is negative"),
        ({"cost_usd": "0.0000000001"}, "more than nine decimals"),
        ({"allowed_fs": ["data"]}, "must be an absolute path in its plain form"),
        ({"allowed_fs": ["/data/../etc"]}, "must be an absolute path in its plain form"),
        ({"allowed_fs": ["//data"]}, "must be an absolute path in its plain form"),
        ({"allowed_fs": ["rw:rw:/data"]}, "must be an absolute path in its plain form"),
        ({"allowed_fs": ["/"]}, "holds everybody's files"),
        ({"allowed_fs": ["rw:/tmp"]}, "holds everybody's files"),
        ({"allowed_fs": ["/proc/1"]}, "is not given to tools, as everything in /proc"),
        ({"allowed_fs": ["/root/data"]}, "is not given to tools, as everything in /root"),
        ({"allowed_fs": ["/etc"]}, "is not given to tools, as everything in /etc"),
        ({"allowed_fs": ["/var/run/docker.sock"]}, "as everything in /var/run"),
        ({"allowed_fs": ["/home"]}, "holds somebody's home"),
        ({"allowed_fs": ["/home/u"]}, "holds somebody's home"),
        ({"allowed_fs": ["/var"]}, "holds somebody's home"),
        ({"allowed_fs": ["/var/lib"]}, "holds somebody's home"),
        ({"allowed_fs": ["/home/u/.ssh"]}, "is hidden"),
        ({"allowed_fs": ["/srv/a", "rw:/srv/a/b"]}, "lie one in the other"),
        ({"allowed_fs": ["/srv/a", "/srv/a"]}, "lie one in the other"),
        ({"network": "host"}, "network: must be 'none' or 'full'"),
        ({"ttl_seconds": 0}, "ttl_seconds: must be 1 or more"),
        ({"ttl_seconds": 3601}, "ttl_seconds: must be 3600 at most"),
        ({"ttl_seconds": True}, "ttl_seconds: must be a whole number"),
        ({"ttl_seconds": 1.5}, "ttl_seconds: must be a whole number"),
        ({"memory_max_mib": "512"}, "memory_max_mib: must be a whole number"),
        ({"processes_max": 0}, "processes_max: must be 1 or more"),
        ({"env": {"A=B": "x"}}, "env.A=B: must fit"),
        ({"env": {"A": 1}}, "env.A: must be text in quotes"),
        ({"env": {"A": "x\0"}}, "env.A: must fit"),
        ({"secret": 1}, "secret: is no field; known are name, version"),
    ],
)
def test_each_mistake_is_told(fields: dict[str, Any], told: str) -> None:
    """One line names the field and what it takes."""
    (line,) = mistakes(**fields)
    assert told in line


def test_all_mistakes_are_told_at_once() -> None:
    """A line for each of them."""
    told = mistakes(name="X", ttl_seconds=0, secret=1)
    assert [line.partition(":")[0] for line in told] == ["name", "ttl_seconds", "secret"]
    with pytest.raises(ManifestError) as caught:
        parse_manifest({})
    assert str(caught.value).count("is missing") == 4


def test_files_are_read_by_their_suffix(tmp_path: Path) -> None:
    """TOML and JSON say the same."""
    (tmp_path / "a.json").write_text(json.dumps(LEAST))
    lines = [f"{key} = {json.dumps(value)}" for key, value in LEAST.items()]
    (tmp_path / "a.toml").write_text("\n".join(lines))
    assert read_manifest(tmp_path / "a.json") == read_manifest(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.yaml", b"", "name it .toml or .json"),
        ("a.toml", b"name = ", "Invalid value"),
        ("a.toml", b"\xff", "codec can't decode"),
        ("a.toml", b"version = 1979-05-27", "must be text in quotes"),
        ("a.json", b"{", "Expecting"),
        ("a.json", b"[]", "must be a table of fields"),
        ("a.json", b'{"name": "a", "name": "b"}', "'name' stands in it twice"),
        ("a.json", b"[" * 60_000, "recursion"),
        ("a.json", b" " * 65_537, "larger than 64 KiB"),
        ("a.json", b'{"ttl_seconds": NaN}', "ttl_seconds: must be a whole number"),
    ],
)
def test_files_that_are_no_manifest(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    """The file is named with what is wrong in it."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ManifestError, match=told):
        read_manifest(tmp_path / name)
    with pytest.raises(ManifestError, match="cannot be read: No such file"):
        read_manifest(tmp_path / "missing.toml")

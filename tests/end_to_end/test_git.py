"""git, as it is: it shows its proxy's credential only when it is asked for one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.books import settled_one
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.processes import clean_environment
from tests.end_to_end.test_tunnel import talk
from tests.end_to_end.tls_server import stranger
from tests.end_to_end.upstream import Provider

pytestmark = [
    pytest.mark.xdist_group("end_to_end_tunnel"),
    pytest.mark.skipif(not shutil.which("git"), reason="no git on this machine"),
]

REFS = b"0123456789012345678901234567890123456789\trefs/heads/main\n"


def git(url: str, proxy: str | None, ca_file: str, home: Path) -> subprocess.CompletedProcess[str]:
    """What `git ls-remote` says of the address; it asks nobody for a password."""
    variables = {"HTTPS_PROXY": proxy or "", "GIT_SSL_CAINFO": ca_file, "HOME": str(home)}
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", "ls-remote", url],
        env=clean_environment({**variables, **quiet}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_at_a_governed_host_it_is_asked_who_pays(
    provider: Provider, gateway: Gateway, agent: Agent, shared_ca_file: str, tmp_path: Path
) -> None:
    """The credential of its proxy's address then holds for what it asks inside."""
    proxy = Door("proxy", gateway, shared_ca_file).proxy(agent)
    done = git("https://api.openai.com/team/repo.git", proxy, shared_ca_file, tmp_path)
    assert "403" in done.stderr
    assert (settled_one(gateway, agent)["state"], provider.calls()) == ("DENIED", [])


def test_without_a_credential_it_is_told_so(
    gateway: Gateway, shared_ca_file: str, tmp_path: Path
) -> None:
    """It ends with the status that names the missing credential of the proxy."""
    proxy = f"http://127.0.0.1:{gateway.port}"
    done = git("https://api.openai.com/team/repo.git", proxy, shared_ca_file, tmp_path)
    assert done.returncode == 128
    assert "407" in done.stderr


@pytest.mark.parametrize("known", [True, False])
def test_foreign_hosts_need_no_credential(
    gateway: Gateway, agent: Agent, shared_ca_file: str, tmp_path: Path, known: bool
) -> None:
    """It reaches them by their own certificates, whether its proxy's address names an agent."""
    own = f"http://127.0.0.1:{gateway.port}"
    proxy = Door("proxy", gateway, shared_ca_file).proxy(agent) if known else own
    with stranger(tls=True) as server:
        server.body = REFS
        ca_file = tmp_path / "stranger.pem"
        server.ca.cert_pem.write_to_path(ca_file)
        done = git(f"https://localhost:{server.port}/repo.git", proxy, str(ca_file), tmp_path)
    assert (done.returncode, done.stdout) == (0, REFS.decode())
    assert "proxy-" not in "".join(server.heads).lower()


@pytest.mark.parametrize(
    ("client", "header", "status"),
    [
        ("git/2.39.5", None, 407),
        ("git/2.39.5", "Basic bm9ib2R5OmFleF93cm9uZw==", 200),
        ("git-lfs/3.3.0", None, 200),
        ("curl/7.88.1", None, 200),
        ("", None, 200),
    ],
)
def test_who_is_asked(gateway: Gateway, client: str, header: str | None, status: int) -> None:
    """git alone, and once: all others are told after TLS, where their users can read it."""
    lines = [f"User-Agent: {client}"] + ([f"Proxy-Authorization: {header}"] if header else [])
    head = talk(gateway, "CONNECT api.openai.com:443 HTTP/1.1", *lines)
    assert head.startswith(f"HTTP/1.1 {status}")
    assert ('\r\nproxy-authenticate: basic realm="aex"\r\n' in head.lower()) == (status == 407)

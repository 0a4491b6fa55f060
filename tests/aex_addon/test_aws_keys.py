"""AEX's keys at AWS are those that AWS's own tools would find, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from aex_addon.aws_keys import AwsEnvironment, region_of
from aex_addon.sources import CredentialError, Fetched
from providers.sigv4 import AwsKeys

ENV = "AWS_BEARER_TOKEN_BEDROCK"
PAIR = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "canary"}
FILE = """\
[default]
aws_access_key_id = AKDEFAULT
aws_secret_access_key = canary-of-default

[work]
AWS_ACCESS_KEY_ID=AKWORK
aws_secret_access_key=canary%of=work
aws_session_token = canary-token

[sso]
sso_session = x
"""


@pytest.fixture
def profiles(tmp_path: Path) -> dict[str, str]:
    """Variables that lead to a file of profiles."""
    path = tmp_path / "credentials"
    path.write_text(FILE)
    path.chmod(0o600)
    return {"AWS_SHARED_CREDENTIALS_FILE": str(path)}


def found(environ: dict[str, str], profile: str | None = None) -> object:
    fetched = AwsEnvironment(environ, ENV, profile).fetch()
    return fetched and fetched.secret


def test_variables() -> None:
    """An API key goes before a pair of keys; a pair may have a token."""
    assert found({}) is None
    assert found(PAIR) == AwsKeys("AKID", "canary")
    assert found({**PAIR, "AWS_SESSION_TOKEN": "tok"}) == AwsKeys("AKID", "canary", "tok")
    assert found({**PAIR, ENV: "bedrock-api-key-canary"}) == "bedrock-api-key-canary"


@pytest.mark.parametrize("name", list(PAIR))
def test_half_a_pair(name: str) -> None:
    """It is a mistake, told without the other half."""
    with pytest.raises(CredentialError) as raised:
        found({name: PAIR[name]})
    assert "canary" not in str(raised.value)


def test_profiles(profiles: dict[str, str]) -> None:
    """The operator's goes first, the variable's last, and none is read unasked."""
    work = AwsKeys("AKWORK", "canary%of=work", "canary-token")
    assert found(profiles) is None
    assert found({**profiles, "AWS_PROFILE": "work"}) == work
    assert found({**profiles, **PAIR}, "work") == work
    assert found({**profiles, **PAIR, "AWS_PROFILE": "work"}) == AwsKeys("AKID", "canary")


def test_a_profile_that_holds_no_keys(profiles: dict[str, str]) -> None:
    """Whose keys a command gives is told which; a name that is not there is told too."""
    with pytest.raises(CredentialError, match=r"export-credentials.*sso"):
        found(profiles, "sso")
    with pytest.raises(CredentialError, match="has no profile wrok"):
        found(profiles, "wrok")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """One that others may read, or that is none of profiles, is refused without its content."""
    path = tmp_path / "credentials"
    path.write_text("canary")
    for mode, told in ((0o644, "chmod 600"), (0o600, "cannot be read as profiles")):
        path.chmod(mode)
        with pytest.raises(CredentialError, match=told) as raised:
            found({"AWS_SHARED_CREDENTIALS_FILE": str(path)}, "work")
        assert "canary" not in str(raised.value)
        assert raised.value.lasting


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("bedrock-runtime.us-east-1.amazonaws.com", "us-east-1"),
        ("bedrock-runtime.us-gov-west-1.amazonaws.com:443", "us-gov-west-1"),
        ("bedrock-runtime-fips.ca-central-1.amazonaws.com", "ca-central-1"),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("vpce-1-a.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("127.0.0.1:9", None),
        ("notbedrock-runtime.us-east-1.amazonaws.com", None),
    ],
)
def test_the_region_of_a_host(host: str, region: str | None) -> None:
    """A host names it; for one that does not, the environment does."""
    assert region_of(host, {}) == region
    assert region_of(host, {"AWS_REGION": "r-1", "AWS_DEFAULT_REGION": "x"}) == region or "r-1"
    assert region_of("127.0.0.1", {"AWS_DEFAULT_REGION": "r-2"}) == "r-2"


def test_no_secret_is_in_a_representation() -> None:
    """A source can be printed."""
    assert "canary" not in repr(AwsEnvironment(PAIR, ENV, None)) + repr(Fetched("canary"))

"""Laws of certs/env.py."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs import env

ROOT = "http://127.0.0.1:9000"
PROXY = "http://ada:aex_t@127.0.0.1:9000"
BUNDLE = Path("/home/ada/.aex/bundle.pem")
CA = Path("/home/ada/.aex/ca.pem")
TOKEN = "aex_t"


def change(base: dict[str, str], door: env.Door = "proxy", **more: object) -> env.EnvironmentChange:
    return env.agent_environment(PROXY, ROOT, BUNDLE, CA, TOKEN, base, door=door, **more)  # type: ignore[arg-type]


def test_the_proxy_door_sets_every_variable() -> None:
    """Both cases of each proxy variable, every CA variable at one bundle, and a key for SDKs."""
    result = change({}).set
    assert {result[name] for name in env.PROXY_VARIABLES} == {PROXY}
    assert {result[name] for name in env.CA_VARIABLES} == {str(BUNDLE)}
    assert result["NO_PROXY"] == result["no_proxy"] == "localhost,127.0.0.1,::1"
    assert result["NODE_USE_ENV_PROXY"] == "1"
    assert result["AEX_CA_FILE"] == str(CA)
    assert {result[name] for name in env.KEY_VARIABLES} == {TOKEN}
    assert not env.BASE_URLS.keys() & result.keys()


def test_the_proxy_door_closes_every_way_around() -> None:
    """What would lead past the proxy or the bundle is unset, also where `base` has it not."""
    assert {*env.BYPASSES, *env.BASE_URLS} == set(change({}).unset)


def test_a_users_exceptions_cannot_name_a_provider() -> None:
    """NO_PROXY is replaced at the proxy door, not appended to."""
    assert change({"NO_PROXY": "api.openai.com"}).set["NO_PROXY"] == "localhost,127.0.0.1,::1"


def test_the_base_url_door_leaves_proxy_and_roots_alone() -> None:
    """It sets the address and the key; only its own host is taken out of a user's proxy."""
    base = {"HTTPS_PROXY": "http://corp:3128", "NO_PROXY": "a.example, b.example", "no_proxy": ""}
    result = change(base, "base-url")
    kept = "a.example,b.example,localhost,127.0.0.1,::1"
    assert result.set == {
        **dict.fromkeys(env.KEY_VARIABLES, TOKEN),
        **{name: ROOT + path for name, path in env.BASE_URLS.items()},
        "NO_PROXY": kept,
        "no_proxy": kept,
    }
    assert result.unset == ()


def test_more_providers_are_the_callers_to_name() -> None:
    """Addresses and keys of further SDKs are arguments: this package knows no provider."""
    urls = {"ANTHROPIC_BASE_URL": "/anthropic"}
    keys = ["ANTHROPIC_API_KEY", "GEMINI_API_KEY"]
    result = change({"ANTHROPIC_BASE_URL": "x"}, "base-url", base_urls=urls, key_variables=keys)
    assert result.set["ANTHROPIC_BASE_URL"] == f"{ROOT}/anthropic"
    assert [result.set[name] for name in keys] == [TOKEN, TOKEN]
    assert not result.unset
    assert "OPENAI_API_KEY" not in result.set


def test_a_gateway_elsewhere_is_kept_out_of_the_users_proxy() -> None:
    """The base-URL door adds the gateway's own host, whatever it is."""
    made = env.agent_environment(
        PROXY, "http://gateway.lan:9000/", BUNDLE, CA, TOKEN, {}, door="base-url"
    )
    assert made.set["OPENAI_BASE_URL"] == "http://gateway.lan:9000/v1"
    assert made.set["NO_PROXY"].split(",")[-1] == "gateway.lan"


@pytest.mark.parametrize(
    "name",
    [
        "BEDROCK_BASE_URL",
        "GOOGLE_VERTEX_BASE_URL",
        "OPENAI_API_BASE",
        "MISTRAL_BASE_URL",
        "OPENROUTER_BASE_URL",
    ],
)
@pytest.mark.parametrize("door", ["proxy", "base-url"])
def test_foreign_addresses_are_unset(name: str, door: env.Door) -> None:
    """A model provider's address that points elsewhere goes; one that points at AEX stays."""
    assert name in change({name: "https://elsewhere.example/v1"}, door).unset
    assert name in change({name: f"{ROOT}.evil.example"}, door).unset
    assert name not in change({name: f"{ROOT}/anthropic"}, door).unset


def test_a_projects_own_variables_are_left_alone() -> None:
    """Not everything that ends in BASE_URL belongs to a model provider."""
    base = {"APP_BASE_URL": "http://x", "VITE_BASE_URL": "/", "MY_OPENAI_BASE_URL": "http://x"}
    assert change(base).apply(base).items() >= base.items()


@given(
    st.dictionaries(
        st.sampled_from([*env.BYPASSES, *env.CA_VARIABLES, "OPENAI_BASE_URL", "HOME", "no_proxy"]),
        st.text(max_size=9),
    ),
    st.sampled_from(["proxy", "base-url"]),
)
def test_a_change_applied_twice_is_the_change_applied_once(
    base: dict[str, str], door: env.Door
) -> None:
    """A run inside a run sees the same environment, and no name is both set and unset."""
    first = change(base, door)
    assert not first.set.keys() & set(first.unset)
    once = first.apply(base)
    assert change(once, door).apply(once) == once
    assert ("HOME" in once) == ("HOME" in base)


def test_the_token_is_not_in_the_repr() -> None:
    """A change that ends up in a log shows no secret."""
    assert TOKEN not in repr(change({}))


@given(st.text(min_size=1), st.text(min_size=1))
def test_name_and_token_survive_the_proxy_address(name: str, token: str) -> None:
    """Whatever they hold, one decoding gives them back and host and port stay what they were."""
    parts = urlsplit(env.proxy_url(name, token, "127.0.0.1", 9000))
    assert (unquote(parts.username or ""), unquote(parts.password or "")) == (name, token)
    assert (parts.hostname, parts.port, parts.path) == ("127.0.0.1", 9000, "")


def test_proxy_addresses_are_checked() -> None:
    """An IPv6 host gets its brackets; an address that could not work is refused."""
    assert env.proxy_url("a", "b", "::1", 9) == "http://a:b@[::1]:9"
    assert env.proxy_url("a", "b", "[::1]", 9) == "http://a:b@[::1]:9"
    for name, token, host, port in [
        ("", "b", "h", 9),
        ("a", "", "h", 9),
        ("a", "b", "", 9),
        ("a", "b", "h", 0),
        ("a", "b", "h", 65536),
    ]:
        with pytest.raises(ValueError):
            env.proxy_url(name, token, host, port)


def test_the_users_own_bundles_are_found() -> None:
    """Files and directories that CA variables name are listed, each once, in order."""
    base = {
        "SSL_CERT_DIR": "/a/certs:/b/certs:",
        "SSL_CERT_FILE": "/corp.pem",
        "REQUESTS_CA_BUNDLE": "/corp.pem",
        "NODE_EXTRA_CA_CERTS": "",
        "PIP_CERT": "/pip.pem",
    }
    found = [str(path) for path in env.user_bundles(base)]
    assert found == ["/corp.pem", "/pip.pem", "/a/certs", "/b/certs"]
    assert env.user_bundles({}) == ()


def test_shims_come_beside_what_the_user_has() -> None:
    """Theirs stays, ours is added once however often the change is made; at a base URL, never."""
    base = {"NODE_OPTIONS": "--no-warnings", "PYTHONPATH": "/mine:"}
    made = change(base, shims=Path("/s"))
    assert made.set["NODE_OPTIONS"] == "--no-warnings --require=/s/node_proxy.cjs"
    assert made.set["PYTHONPATH"] == "/s/python:/mine:"
    once = made.apply(base)
    assert change(once, shims=Path("/s")).apply(once) == once
    assert change({"PYTHONPATH": ""}, shims=Path("/s")).set["PYTHONPATH"] == "/s/python"
    assert "NODE_OPTIONS" not in change(base, "base-url", shims=Path("/s")).set
    assert "PYTHONPATH" not in change(base).set


def test_a_path_with_blanks_is_one_word_of_node_options() -> None:
    """It stands in double quotes, with what they would read otherwise escaped."""
    made = change({}, shims=Path('/a b/"c'))
    assert made.set["NODE_OPTIONS"] == '--require="/a b/\\"c/node_proxy.cjs"'


def test_the_shims_are_there() -> None:
    """What the variables name is in the package."""
    assert (env.SHIMS / env.NODE_SHIM).is_file()
    assert (env.SHIMS / env.PYTHON_SHIM / "sitecustomize.py").is_file()

"""Whatever text holds a credential, it is taken out; the rest stays."""

from __future__ import annotations

import pytest

from aex_addon.known_secrets import Secrets
from aex_addon.redaction import SECRET_HEADERS, Redactor
from tests.aex_addon.rig import token_of

KEY = "canary-provider-key-0123456789"
TOKEN = token_of("a")
VALUES = ("canary", "Scheme canary; more=canary, canary", "a\\\\\\'canary canary", '\\"canary')
secrets = Secrets()
secrets.add("a provider", KEY, "", "tiny")
redact = Redactor(secrets)


@pytest.mark.parametrize("name", SECRET_HEADERS)
@pytest.mark.parametrize(
    "form",
    [
        "{name}: {value}",
        "    {name}: {value}",
        "    \x1b[34m{name}\x1b[0m: {value}",
        "{{'{name}': '{value}', 'accept': '*/*'}}",
        '{{"{name}": "{value}"}}',
        "Headers[(b'{name}', b'{value}'), (b'accept', b'*/*')]",
        "DataReceived(client, b'GET / HTTP/1.1\\r\\n{name}: {value}\\r\\naccept: */*')",
        "{name}={value}",
        "X-Forwarded-{name}: {value}",
    ],
)
def test_headers(name: str, form: str) -> None:
    """The value of such a header goes, in every form in which headers are written."""
    for value in VALUES:
        for cased in (name, name.title()):
            shown = redact(form.format(name=cased, value=value))
            assert "[credential]" in shown
            assert cased in shown
            assert "canary" not in shown.replace(cased, "")


@pytest.mark.parametrize(
    "line",
    [
        'cookie: "a"; b=canary',
        "cookie: 'canary",
        "{'cookie': 'canary",
        '{"cookie": ["canary"]}',
        "cookie:canary",
        "cookie : canary",
        "('cookie','canary')",
        "cookie='a' b='canary'",
    ],
)
def test_odd_values(line: str) -> None:
    """A value that is quoted in part, or whose end is missing, goes up to the end of its line."""
    assert redact(f"{line}\nhost: x") == f"{redact(line)}\nhost: x"
    assert "canary" not in redact(line)


def test_what_stands_beside_stays() -> None:
    """Other lines and other members are left as they are."""
    text = "host: a.example\ncookie: canary\naccept: */*\n"
    assert redact(text) == "host: a.example\ncookie: [credential]\naccept: */*\n"
    pairs = "{'x-api-key': 'canary', 'accept': '*/*'}"
    assert redact(pairs) == "{'x-api-key': [credential], 'accept': '*/*'}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /v1?key=canary&page=2 HTTP/1.1", "GET /v1?key=[credential]&page=2 HTTP/1.1"),
        ("/v1?page=2&API_KEY=canary", "/v1?page=2&API_KEY=[credential]"),
        ("/v1?access_token=canary#x", "/v1?access_token=[credential]#x"),
        ("/v1?key=canary…", "/v1?key=[credential]"),
        ("Bearer canary-canary", "Bearer [credential]"),
        (f"it was {KEY}!", "it was [key]!"),
        (f"as {TOKEN}, or", "as [token], or"),
    ],
)
def test_other_places(text: str, shown: str) -> None:
    """Parameters of a URL, schemes, known values and the form of a token are told, too."""
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "tiny words stay",
        "no cookie, no authorization: ",
        "the api-key is missing",
        "/v1?keys=1&monkey=2",
        "cookies: 3",
        "",
    ],
)
def test_words_stay(text: str) -> None:
    """What only looks like one is left alone."""
    assert redact(text) == text

"""Each try of a request begins with the request as it came."""

from __future__ import annotations

from typing import Any

from mitmproxy.test import tflow, tutils

from aex_addon.aliases import Choice
from aex_addon.clock import utc_now
from aex_addon.configuration import configure
from aex_addon.doors import CANONICAL, FORMATS, HOST, PATH, PROVIDER
from aex_addon.http_again import standby_of
from aex_addon.identity import Credential
from aex_addon.known_secrets import Secrets
from aex_addon.settings import Settings
from aex_addon.trip import Trip
from providers.wire import Call

ASKED = Call("openai", "POST", "/v1/embeddings", "a=b", {}, b'{"model": "fast"}')
TWO = ["mistral/mistral-embed", "openai/text-embedding-3-small"]


def flow() -> Any:
    made = tflow.tflow(req=tutils.treq(headers=((b"x-first", b"1"),), content=b"as it came"))
    made.metadata[PROVIDER], made.metadata[HOST] = "openai", ""
    made.metadata[PATH] = "/v1/embeddings?a=b"
    return made


def trip(*to: str) -> Trip:
    settings = Settings.model_validate(
        {"routes": {"fast": {"to": list(to), "fall_back_on": [503]}}}
    )
    configuration = configure(settings, {}, Secrets(), utc_now())
    route = configuration.routes.by_id("openai")
    assert route is not None
    first, rest = configuration.aliases.choices(ASKED, route)
    return Trip(configuration, "base-url", Credential("t"), ASKED, first, rest)


def test_a_try_is_pointed_at_its_provider() -> None:
    """The marks name provider and path of this try, with the query that was asked."""
    going = flow()
    trip(*TWO).point(going)
    assert (going.metadata[PROVIDER], going.metadata[PATH]) == ("mistral", "/v1/embeddings?a=b")
    assert going.metadata[CANONICAL] == "/v1/embeddings"
    assert "mistral_chat" in going.metadata[FORMATS]


def test_without_an_alias_the_door_has_pointed() -> None:
    """The marks stay."""
    going, plain = flow(), trip(*TWO)
    plain.choice = Choice(plain.choice.route, ASKED)
    plain.point(going)
    assert going.metadata[PROVIDER] == "openai"


def test_what_stood_in_the_request_is_gone() -> None:
    """Whatever the first try put in, the second begins without it; the request object stays."""
    going, made = flow(), trip(*TWO)
    made.let_others_stand_by(going)
    standby, request = standby_of(going), going.request
    assert standby is not None
    assert standby.heeds("503")
    assert not standby.heeds("502")
    going.request.headers["x-key"], going.request.content = "secret", b"patched"
    made.choice = made.rest[0]()
    made.point(going)
    assert going.request is request
    assert (going.request.content, going.request.headers.get("x-key")) == (b"as it came", None)
    assert going.metadata[PROVIDER] == "openai"


def test_an_answer_that_has_begun_needs_no_other_try() -> None:
    """Bodies for others, and the request as it came, are let go of: streams may last for long."""
    going, made = flow(), trip(*TWO)
    made.let_others_stand_by(going)
    assert (len(made.rest), made.came is None) == (1, False)
    made.stay()
    assert (made.rest, made.came) == ((), None)


def test_nobody_stands_by_for_a_single_model() -> None:
    """Nothing is kept of the request then."""
    going, alone = flow(), trip(TWO[0])
    alone.let_others_stand_by(going)
    assert standby_of(going) is None
    assert alone.came is None

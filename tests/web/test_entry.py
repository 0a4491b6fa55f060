"""Laws of the door-keeper: who gets in where, and that no page of another site acts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import HOST, TOKENS, Site
from web.auth import SESSION_S

OWN = f"http://{HOST}"
PUBLIC = {"/health", "/health/live", "/dashboard/login", "/static/aex.css", "/static/aex.js"}
ACT = "/admin/agents/bot/state"
PAUSE = {"state": "PAUSED", "reason": "because"}
FOREIGN = ("null", "http://evil.example", "https://127.0.0.1:9000", "http://127.0.0.1:9001", "")


def routes(client: FlaskClient) -> Iterator[tuple[str, str]]:
    for rule in client.application.url_map.iter_rules():
        for method in rule.methods or ():
            if method not in ("OPTIONS", "HEAD"):
                yield method, rule.rule.replace("<path:name>", "bot").replace("<execution_id>", "e")


def test_every_page_is_closed_but_the_public_ones(site: Site) -> None:
    """Nobody gets anything without signing in, whatever the method."""
    client = site.client(None)
    seen = set()
    for method, path in routes(client):
        answer = client.open(path, method=method, json={} if method == "POST" else None)
        seen.add(path)
        if path in PUBLIC or path == "/metrics":
            assert answer.status_code != 401 or path == "/dashboard/login", path
        else:
            assert (answer.status_code, answer.json["error"]["code"]) == (401, "not_signed_in")
            assert "aex dashboard" in answer.json["error"]["remedy"]
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="AEX"'
    assert {"/dashboard", "/metrics", "/health", "/admin/activity", "/admin/replay"} <= seen


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic " + TOKENS["operator"], ""])
def test_a_wrong_token(site: Site, header: str) -> None:
    """It is nobody's, also beside a good cookie."""
    browser = site.browser()
    for client in (site.client(None), browser):
        answer = client.get("/admin/agents", headers={"Authorization": header})
        assert answer.status_code == 401


def test_a_viewer_reads(site: Site) -> None:
    """Everything is shown to a viewer, and nothing is done for one."""
    client = site.client("viewer")
    for method, path in routes(client):
        if method == "POST" and path != "/dashboard/logout":
            answer = client.post(path, json={})
            assert (answer.status_code, answer.json["error"]["code"]) == (403, "read_only"), path
        elif path not in ("/admin/executions/e", "/admin/executions/e/proof", "/dashboard/login"):
            assert client.open(path, method=method).status_code in (200, 303, 404), path


def test_an_operator_acts(client: FlaskClient) -> None:
    """With the token, and a JSON body."""
    assert client.post(ACT, json=PAUSE).status_code == 200


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_origin(site: Site, origin: str, method: str) -> None:
    """A page of another site gets nothing, by token or by cookie, reading or acting."""
    for client in (site.client(), site.browser()):
        client.environ_base["HTTP_ACCEPT"] = "application/json"
        answer = client.open(ACT, method=method, json=PAUSE, headers={"Origin": origin})
        assert (answer.status_code, answer.json["error"]["code"]) == (403, "foreign_origin")
    assert client.get("/admin/agents/bot").json["lifecycle_state"] == "READY"


def test_a_cookie_acts_from_its_own_page_only(site: Site) -> None:
    """A request that names no page is refused where a browser would have sent the cookie along."""
    browser = site.browser()
    answer = browser.post(ACT, json=PAUSE)
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "no_origin")
    assert browser.post(ACT, json=PAUSE, headers={"Origin": OWN}).status_code == 200


def test_the_cookie(site: Site) -> None:
    """No script reads it, no other site's request carries it, and it ends."""
    client = site.client(None)
    answer = client.get(f"/dashboard/login?link={site.auth.link('operator')}")
    cookie = answer.headers["Set-Cookie"]
    for part in ("aex_session_9000=", "HttpOnly", "SameSite=Strict", f"Max-Age={SESSION_S}"):
        assert part in cookie
    assert "Domain" not in cookie


def test_an_expired_cookie(site: Site) -> None:
    """After its time the page says how to sign in again."""
    browser = site.browser()
    assert browser.get("/dashboard").status_code == 200
    site.now += SESSION_S * 10**9
    answer = browser.get("/dashboard")
    assert answer.status_code == 401
    assert "<code>aex dashboard</code>" in answer.text


def test_a_used_link(site: Site) -> None:
    """The second one who opens it is told how to get another."""
    link = site.auth.link("operator")
    first, second = site.client(None), site.client(None)
    assert first.get(f"/dashboard/login?link={link}").status_code == 200
    answer = second.get(f"/dashboard/login?link={link}")
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "link_used")
    assert "Set-Cookie" not in answer.headers


def test_signing_out(site: Site) -> None:
    """The cookie is taken away, and is worth nothing to whoever has kept it."""
    browser = site.browser("viewer")
    kept = browser.get_cookie("aex_session_9000", domain="127.0.0.1")
    assert kept is not None
    assert browser.post("/dashboard/logout", headers={"Origin": OWN}).status_code == 303
    browser.set_cookie("aex_session_9000", kept.value, domain="127.0.0.1")
    assert browser.get("/dashboard").status_code == 401


@pytest.mark.parametrize(("rule", "status"), [("loopback", 200), ("token", 401)])
def test_metrics(site: Site, rule: str, status: int) -> None:
    """Whoever scrapes on this machine needs no token, unless the configuration says so."""
    assert site.client(None, metrics=rule).get("/metrics").status_code == status
    for role in ("operator", "viewer"):
        assert site.client(role, metrics=rule).get("/metrics").status_code == 200


def test_a_link_by_the_api(site: Site) -> None:
    """`aex dashboard` gets an address that signs a browser in, in the role that it asks for."""
    made = site.client().post("/admin/links", json={"role": "viewer"})
    assert made.status_code == 201
    assert made.json["url"].startswith(f"{OWN}/dashboard/login?link=")
    browser = site.client(None)
    assert browser.get(made.json["url"].removeprefix(OWN)).status_code == 200
    assert browser.get("/admin/agents").status_code == 200
    answer = browser.post(ACT, json=PAUSE, headers={"Origin": OWN})
    assert answer.json["error"]["code"] == "read_only"

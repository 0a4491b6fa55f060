"""The tools by the admin API and on the dashboard: seen by whoever reads, let run by operators."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient
from markupsafe import Markup

from ledger.admin_commands import SetTool
from tests.ledger.making import install
from tests.web.conftest import Site

MANIFEST = json.dumps({"name": "lookup", "network": "none"})
WHY = {"reason": "looked at it"}


@pytest.fixture
def installed(site: Site) -> Site:
    """One tool, which nobody has enabled."""
    site.store.one(install(manifest=MANIFEST))
    return site


@pytest.mark.usefixtures("installed")
def test_tools_are_listed(client: FlaskClient) -> None:
    """All of each, but those that were removed."""
    (tool,) = client.get("/admin/plugins").json["plugins"]
    assert tool == client.get("/admin/plugins/lookup").json
    assert (tool["state"], tool["version"], tool["cost_nanousd"]) == ("disabled", "1", 40)
    assert tool["manifest"] == json.loads(MANIFEST)
    assert tool["sha256"] == install().sha256


def test_an_operator_lets_it_run(client: FlaskClient, installed: Site) -> None:
    """And no more; each act is an event with its actor and reason."""
    for act, state in (("enable", "enabled"), ("disable", "disabled")):
        answer = client.post(f"/admin/plugins/lookup/{act}", json=WHY)
        assert (answer.status_code, answer.json["state"]) == (200, state)
    with installed.open_reader() as reader:
        told = [one.event for one in reader.log() if one.event.type.startswith("tool.")]
    assert [event.type for event in told[1:]] == ["tool.enabled", "tool.disabled"]
    assert {event.data()["reason"] for event in told[1:]} == {"looked at it"}
    assert all(event.data()["actor"] for event in told)


def test_nobody_enables_what_he_has_not_seen(client: FlaskClient, installed: Site) -> None:
    """A digest in the body is that of the manifest that was looked at."""
    seen = client.get("/admin/plugins/lookup").json["digest"]
    installed.store.one(install(version="2", manifest=MANIFEST))
    answer = client.post("/admin/plugins/lookup/enable", json={**WHY, "digest": seen})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "command_refused")
    assert client.get("/admin/plugins/lookup").json["state"] == "disabled"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("lookup/enable", {}, 400),
        ("lookup/enable", {"reason": " "}, 400),
        ("lookup/enable", {**WHY, "digest": "x"}, 400),
        ("lookup/enable", {**WHY, "state": "removed"}, 400),
        ("lookup/remove", WHY, 404),
        ("other/enable", WHY, 404),
        ("a%00b/disable", WHY, 404),
    ],
)
def test_what_does_not_fit(client: FlaskClient, path: str, body: object, status: int) -> None:
    """Nothing is changed by it."""
    assert client.post(f"/admin/plugins/{path}", json=body).status_code == status
    assert client.get("/admin/plugins/lookup").json["state"] == "disabled"


def test_who_reads_does_not_act(installed: Site) -> None:
    """A viewer sees the tools, and lets none run; whoever has no token sees none."""
    viewer, nobody = installed.client("viewer"), installed.client(None)
    assert viewer.get("/admin/plugins").status_code == 200
    assert viewer.post("/admin/plugins/lookup/enable", json=WHY).status_code == 403
    assert nobody.get("/admin/plugins").status_code == 401
    assert nobody.post("/admin/plugins/lookup/enable", json=WHY).status_code == 401


def test_the_dashboard_shows_them(client: FlaskClient, site: Site) -> None:
    """The very command where there are none; then each with its state, and markup as text."""
    html = {"headers": {"Accept": "text/html"}}
    assert "aex plugin install MANIFEST PACKAGE" in client.get("/dashboard", **html).text
    site.store.one(install(version="<i>1", manifest=MANIFEST))
    shown = client.get("/dashboard", **html).text
    assert "No tools are installed" not in shown
    assert "<i>1" not in shown
    text = Markup(shown).striptags()
    assert "lookup<i>1disabled$0.00000004none" in text
    site.store.one(SetTool("lookup", "enabled", "cli:ann"))
    assert '<span class="chip good">enabled</span>' in client.get("/dashboard", **html).text
    site.store.one(SetTool("lookup", "removed", "cli:ann"))
    assert "No tools are installed" in client.get("/dashboard", **html).text


def test_a_manifest_that_is_none_is_shown_as_such(client: FlaskClient, site: Site) -> None:
    """The page and the API stand, whatever the row holds."""
    site.store.one(install(manifest="no JSON"))
    assert client.get("/admin/plugins/lookup").json["manifest"] is None
    assert client.get("/dashboard", headers={"Accept": "text/html"}).status_code == 200

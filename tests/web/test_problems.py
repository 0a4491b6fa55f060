"""Errors: in the form that was asked for, with what to do, and no text of a client as markup."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import Site

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "html"),
    [("", False), ("*/*", False), ("application/json", False), (CHROME, True), ("text/html", True)],
)
def test_the_form(site: Site, accept: str, html: bool) -> None:
    """A browser gets a page, everybody else JSON in the shape that SDKs read."""
    answer = site.client(None).get("/dashboard", headers={"Accept": accept})
    assert answer.status_code == 401
    assert answer.mimetype == ("text/html" if html else "application/json")
    if not html:
        assert {"message", "type", "param", "code", "remedy"} == answer.json["error"].keys()


def test_the_api_speaks_json(site: Site) -> None:
    """Whoever asks it, and whatever for."""
    answer = site.client(None).get("/admin/agents", headers={"Accept": CHROME})
    assert answer.json["error"]["code"] == "not_signed_in"


def test_no_markup(client: FlaskClient) -> None:
    """What a client wrote into an address is text in the page of its error."""
    answer = client.get(
        "/dashboard/executions/<script>alert(1)<%2Fscript>", headers={"Accept": CHROME}
    )
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text


def test_a_body_that_is_too_large(client: FlaskClient) -> None:
    """It is not read."""
    answer = client.post("/admin/agents", data=b"x" * 70_000, content_type="application/json")
    assert (answer.status_code, answer.json["error"]["code"]) == (413, "too_large")


def test_a_wrong_method(client: FlaskClient) -> None:
    """The answer says which there are."""
    answer = client.post("/health")
    assert (answer.status_code, answer.json["error"]["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]

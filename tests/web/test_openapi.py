"""The document describes what there is, and every answer is one that it describes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ledger.activity import ActivityReader
from tests.ledger.making import REFUSED, URL, admit, commit, create, install, open_at, team
from tests.web.conftest import HOST, Site
from web.openapi import RELOAD, ROUTES

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API over a small ledger, described by itself; whoever asks is the operator."""
    base: Path = tmp_path_factory.mktemp("described")
    store = open_at(base)
    store.execute([team("lab"), create("bot", 10**9, parent="lab")])
    store.execute([admit("e1", "bot"), admit("e2", "bot", refusal=REFUSED), admit("e3", "bot")])
    store.execute([commit("e1", 70), install()])
    site = Site(store, lambda: ActivityReader(URL, base))
    client = site.client(reload=lambda _actor, _reason: {"changed": []})
    app, header = client.application, client.environ_base["HTTP_AUTHORIZATION"]

    def signed_in(environ: dict[str, Any], start: Any) -> Any:
        """Random headers are no way in, and so none through it either."""
        environ = {name: value for name, value in environ.items() if name != "HTTP_ORIGIN"}
        return app(environ | {"HTTP_AUTHORIZATION": header, "HTTP_HOST": HOST}, start)

    yield schemathesis.openapi.from_wsgi("/admin/openapi.json", signed_in)
    store.close()


@pytest.mark.parametrize(("method", "path"), [route[:2] for route in (*ROUTES, RELOAD)])
def test_answers_are_as_described(pages: Any, method: str, path: str) -> None:
    """Whatever is sent, every status, type and body is in the document, and none is a fault."""

    @settings(
        max_examples=8,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=pages[path][method.upper()].as_strategy())
    def holds(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    holds()


def test_every_route_is_described(site: Site) -> None:
    """The document has the API's routes and no others."""
    client = site.client(reload=lambda _actor, _reason: {})
    described = {
        (method.upper(), path)
        for path, operations in client.get("/admin/openapi.json").json["paths"].items()
        for method in operations
    }
    there = {
        (method, re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule))
        for rule in client.application.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.rule.startswith(("/admin/", "/health")) and method in ("GET", "POST")
    }
    assert described == there


def test_what_is_not_handed_over_is_not_described(site: Site) -> None:
    """A gateway that cannot reload says nothing of it."""
    assert "/admin/reload_config" not in site.client().get("/admin/openapi.json").json["paths"]

"""The Grafana dashboard and the alert rules that are shipped ask for metrics that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from tests.ledger.making import admit, commit
from tests.web.conftest import Site
from web import metrics
from web.observed import Observed

FOLDER = Path(metrics.__file__).parent / "monitoring"
BOARD: Any = json.loads((FOLDER / "grafana.json").read_text())
RULES: list[Any] = YAML(typ="safe").load(FOLDER / "alerts.yml")["groups"][0]["rules"]
BOARD_EXPRS = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
FUNCTIONS = {
    *("sum", "max", "rate", "increase", "histogram_quantile", "by", "on", "and", "le", "up"),
    *("agent", "model", "outcome", "kind", "phase", "provider", "gen_ai_provider_name"),
}


@pytest.fixture
def names(client: FlaskClient, site: Site) -> set[str]:
    """The names of all samples of a gateway that has seen a call."""
    site.store.execute([admit("e1", "bot"), commit("e1", 5)])
    observed = Observed()
    observed.admissions.add(("bot", "openai", "m", "admitted"))
    observed.egress.add(("bot", "passed"))
    observed.shadowed.add(("bot", "rule r"))
    observed.settled(("bot", "openai", "m"), 100, 5, {"input_tokens": 3})
    observed.took(observed.first_byte, "openai", 0.2)
    observed.took(observed.answer, "openai", 0.4)
    text = site.client(observed=observed).get("/metrics").text
    found = {
        sample.name for family in text_string_to_metric_families(text) for sample in family.samples
    }
    return found | {"aex_checkpoint_age_seconds"}


def asked(expr: str) -> set[str]:
    """The metrics of an expression: its words that are no function, label, string or range."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', "", expr)
    return set(re.findall(r"[a-z_][a-z0-9_]*", bare)) - FUNCTIONS


@pytest.mark.parametrize("expr", [*BOARD_EXPRS, *(rule["expr"] for rule in RULES)])
def test_every_metric_is_there(names: set[str], expr: str) -> None:
    """No panel is empty and no alert silent because of a name; brackets are closed."""
    assert asked(expr) <= names
    for opening, closing in ("()", "[]", "{}"):
        assert expr.count(opening) == expr.count(closing)


def test_the_board() -> None:
    """Panels have ids of their own, lie beside each other, and take the source that is chosen."""
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not own & cells, panel["title"]
        cells |= own
        assert panel["datasource"]["uid"] == "${datasource}"
    assert BOARD["templating"]["list"][0]["name"] == "datasource"


def test_the_rules() -> None:
    """Each has a name of its own, a severity, and says what it means and what to do."""
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert {"summary", "description"} == rule["annotations"].keys()
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))

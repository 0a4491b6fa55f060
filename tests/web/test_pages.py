"""The dashboard's pages over a real ledger: what they tell, and that no name becomes markup."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from ledger.activity import ActivityReader
from ledger.admin_commands import CreditAgent, RevokeToken, SetState
from ledger.commands import Adjust, Refusal
from tests.ledger.making import REFUSED, URL, admit, commit, create, issue, open_at, run, team
from tests.web.conftest import Site

NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "&lt;b&gt;",
    "</td></tr></table><h1>",
    "</title></textarea><svg onload=alert(1)>",
    "javascript:alert(1)//",
    "`<b>`",
    "\u202eevil\u2028",
    "é&amp;<",
)


class Markup(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.targets: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.targets += [value or "" for name, value in attrs if name in ("href", "src", "action")]

    def handle_data(self, data: str) -> None:
        self.text += data


def page(client: FlaskClient, path: str = "") -> str:
    answer = client.get(f"/dashboard{path}", headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_first_run(site: Site, tmp_path: Path) -> None:
    """Where nothing is governed, the very commands are told, with this gateway's address."""
    base = tmp_path / "new"
    base.mkdir()
    open_at(base).close()
    text = page(site.client(open_reader=lambda: ActivityReader(URL, base)))
    assert "aex agent create shop" in text
    assert "OPENAI_BASE_URL=http://127.0.0.1:9000/v1" in text


def test_the_overview(client: FlaskClient, site: Site) -> None:
    """Budgets as a tree, calls, denials with their remedy, the chain: all of it is told."""
    assert "No call has come yet" in Markup(page(client)).text
    site.store.execute([team("lab", 2 * 10**9), create("zoe", 10**9, parent="lab")])
    site.store.execute([run("zoe", "r1", 10**8), admit("e1", "zoe/r1", fixed=10**8)])
    site.store.execute([commit("e1", 7 * 10**7), admit("e2", "bot", refusal=REFUSED)])
    text = Markup(page(client)).text
    for told in ("lab", "zoe/r1", "$0.07", "COMMITTED", "no price for m", "aex models list"):
        assert told in text
    tree = page(client).partition('aria-label="Budgets')[2]
    places = [tree.index(f'id="account-{name}"') for name in ("lab", "zoe", "zoe/r1", "bot")]
    assert places == sorted(places)
    assert "Sound" in text
    assert "None yet" in text


def test_what_was_spent_is_counted_once(client: FlaskClient, site: Site) -> None:
    """The sum at the top is of the agents; teams hold and runs are held in theirs."""
    site.store.execute([team("lab"), create("zoe", parent="lab"), run("zoe", "r", 1_000)])
    site.store.execute(
        [admit("e1", "zoe/r"), commit("e1", 70), admit("e2", "bot"), commit("e2", 7)]
    )
    assert "<dt>Spent</dt><dd>$0.000000077</dd>" in page(client)


def test_an_overrun_is_marked(client: FlaskClient, site: Site) -> None:
    """The call, its agent and the remedy are shown; a top-up takes the remedy away, no mark."""
    remedy = "<code>aex agent top-up bot USD</code>"
    site.store.execute([admit("e1", "bot"), commit("e1", 15 * 10**8)])
    shown = page(client)
    assert "<strong>$0.50 over its budget</strong>" in shown
    assert "Stopped by <code>e1</code>" in shown
    assert remedy in shown
    site.store.one(CreditAgent("bot", 10**9, "", "operator"))
    shown = page(client)
    assert remedy not in shown
    assert "over its budget" not in shown
    assert "Billed $1.4999999 by 1 call above what was reserved." in shown
    assert "<strong>$1.4999999 above its reserve</strong>" in shown


def test_a_broken_chain_is_an_alarm(client: FlaskClient, site: Site) -> None:
    """Whoever looks sees it at once."""
    site.store.engine.db.execute_sql("DROP TRIGGER event_log_no_update")
    site.store.engine.db.execute_sql("UPDATE event_log SET payload = '{}' WHERE seq = 2")
    shown = page(client)
    assert 'role="alert"' in shown
    assert "event 2 (agent.created) was altered" in Markup(shown).text


def test_activity(client: FlaskClient, site: Site) -> None:
    """Filters stay in the form and in the way to older calls; an empty find says what to do."""
    for number in range(60):
        site.store.one(admit(f"e{number:02}", "bot", fixed=1))
    shown = page(client, "/activity?agent=bot&model=gpt")
    assert shown.count('id="call-') == 50
    assert 'value="bot"' in shown
    (older,) = [one for one in Markup(shown).targets if "cursor=" in one]
    assert "agent=bot" in older
    assert page(client, f"/activity{older}").count('id="call-') == 10
    assert "No call fits" in page(client, "/activity?model=nothing")


def test_a_call(client: FlaskClient, site: Site) -> None:
    """Estimate, every booking, every event with its hash, and where its proof is."""
    site.store.execute([admit("e1", "bot"), commit("e1", 90)])
    site.store.one(Adjust("e1", 60, "a late bill", "operator"))
    shown = page(client, "/executions/e1")
    text = Markup(shown).text
    for told in ("execution.reserved", "execution.adjusted", "a late bill", "$0.00000006"):
        assert told in text
    with site.open_reader() as reader:
        for logged in reader.story("e1"):
            assert logged.digest.hex() in text
    assert 'href="/admin/executions/e1/proof"' in shown


def test_an_account(client: FlaskClient, site: Site) -> None:
    """Limits, tokens, runs and calls; forms for the operator, with the moves that there are."""
    site.store.execute([run("bot", "r1", 5), issue("bot", label="laptop"), admit("e1", "bot")])
    text = Markup(page(client, "/agents/bot")).text
    for told in ("laptop", "bot/r1", "gpt-4o", "no limit", "Top up"):
        assert told in text
    site.store.one(SetState("bot", "QUARANTINED", "odd", "operator"))
    shown = page(client, "/agents/bot")
    assert "<option>ERROR_RECOVERY" in shown
    assert "<option>READY" not in shown
    assert "Top up…" not in page(site.browser("viewer"), "/agents/bot")
    assert "Runs" not in page(client, "/agents/bot/r1")


def test_tokens_that_serve_come_first(client: FlaskClient, site: Site) -> None:
    """However many runs have ended since, a token that serves is on the page of its agent."""
    site.store.one(issue("bot", label="the-first"))
    for number in range(10, 70):
        site.store.one(made := issue("bot", number, label="run"))
        site.store.one(RevokeToken(made.token_hash, "it has ended", "operator"))
    text = page(client, "/agents/bot")
    assert "the-first" in text
    assert text.count(">revoked<") > text.count(">active<") > 0
    assert text.rindex(">active<") < text.index(">revoked<")


def test_caps_of_an_account(site: Site, client: FlaskClient) -> None:
    """Each by its name, with no pattern in it that becomes markup."""
    caps = {"models": ["gpt-*", NAMES[0]], "tools": False, "max_input_tokens": 12_000}
    site.store.one(create("capped", caps=caps))
    found = page(client, "/agents/capped")
    assert "<script>alert(1)" not in found
    text = Markup(found).text
    for told in (f"Modelsgpt-*, {NAMES[0]}", "Max input tokens12,000", "Toolsno"):
        assert told in text


@pytest.mark.parametrize(
    "path", ["/executions/nope", "/agents/nope", "/agents/%00", "/executions/%00"]
)
def test_what_is_not_there(client: FlaskClient, path: str) -> None:
    """It is a page that says so."""
    answer = client.get(f"/dashboard{path}", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "There is no" in answer.text


def everywhere(site: Site, name: str) -> list[str]:
    """A ledger with this text wherever a client or an operator can put one; pages that show it."""
    # Ids are AEX's own; a slash in one would be another path.
    execution_id = f"ex_{name}".replace("/", "|")
    refusal = Refusal(403, "model_unpriced", f"no price for {name}")
    refused = admit(execution_id, "bot", model=name, endpoint=name, provider=name, refusal=refusal)
    site.store.execute([refused, admit("e1", "bot", model=name, gateway=name), commit("e1", 5)])
    site.store.one(Adjust("e1", 4, name, name))
    site.store.execute([issue("bot", label=name), SetState("bot", "PAUSED", name, name)])
    return [
        "",
        "?range=30d",
        "/activity",
        f"/activity?model={quote(name)}&agent={quote(name)}",
        f"/executions/{quote(execution_id, safe='')}",
        "/executions/e1",
        "/agents/bot",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_text(client: FlaskClient, site: Site, tmp_path: Path, name: str) -> None:
    """Whatever was written into a name is shown as it is, and adds no tag, attribute or target."""
    paths = everywhere(site, "harmless")
    clean = [Markup(page(client, path)) for path in paths]
    tags = set().union(*(one.tags for one in clean))
    attributes = set().union(*(one.attributes for one in clean))
    base = tmp_path / "other"
    base.mkdir()
    other = Site(open_at(base), lambda: ActivityReader(URL, base))
    other.store.one(create("bot", 10**9))
    for path in everywhere(other, name):
        if "agent=" in path and not name.isprintable():
            continue
        found = Markup(page(other.client(), path))
        assert found.tags <= tags, path
        assert found.attributes <= attributes, path
        assert not any(one.startswith("javascript:") for one in found.targets)
        assert name in found.text or path.startswith("/activity?"), path
    other.store.close()


def test_the_corpus_bites() -> None:
    """As markup it would add tags and attributes: the check is one that can fail."""
    found = Markup("".join(NAMES))
    assert {"script", "img", "svg", "h1"} <= found.tags
    assert {"onerror", "onload"} <= found.attributes

"""A ledger with an agent, `bot`, and AEX's pages over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from aex_addon.tokens import mint
from ledger.activity import ActivityReader
from ledger.store import Store
from tests.ledger.making import START, URL, create, open_at
from web.app import create_app
from web.auth import Auth, Role
from web.handed import Handed, Minted

ABOUT = {"version": "3", "gateway": "gw_1", "draining": False, "inflight": 2, "ledger_backlog": 0}
TOKENS: dict[Role, str] = {"operator": "o" * 40, "viewer": "v" * 40}
HOST = "127.0.0.1:9000"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The ledger, for writing; its agent has a budget of one dollar."""
    opened = open_at(tmp_path)
    opened.one(create("bot", 10**9))
    yield opened
    opened.close()


@pytest.fixture
def open_reader(store: Store, tmp_path: Path) -> Callable[[], ActivityReader]:
    """Opens the same ledger for reading."""
    return lambda: ActivityReader(URL, tmp_path)


@dataclass
class Site:
    """AEX's pages. `now` is the time, `ran` the commands that were run; `said` is what they say."""

    store: Store
    open_reader: Callable[[], ActivityReader]
    now: int = START
    about: dict[str, Any] = field(default_factory=lambda: dict(ABOUT))
    ran: list[Sequence[str]] = field(default_factory=list)
    said: str = '{"seq": 1}'
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.auth = Auth(TOKENS, lambda: self.now)

    def _run(self, words: Sequence[str]) -> str:
        self.ran.append(words)
        return self.said

    def client(self, role: Role | None = "operator", **options: Any) -> FlaskClient:
        """Whoever sends a role's token as bearer, or nothing."""
        made = mint()
        handed = Handed(
            **{
                "open_reader": self.open_reader,
                "about": lambda: self.about,
                "now": lambda: self.now,
                "auth": self.auth,
                "execute": self.store.one,
                "mint": lambda: Minted(made.secret, made.token_hash, made.token_id),
                "run": self._run,
                **self.options,
                **options,
            }
        )
        app = create_app(handed)
        # It is what the test client asks under.
        app.config["SERVER_NAME"] = HOST
        client = app.test_client()
        if role is not None:
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKENS[role]}"
        return client

    def browser(self, role: Role = "operator", **options: Any) -> FlaskClient:
        """Somebody who came by a link, with the cookie that it gave."""
        client = self.client(None, **options)
        client.environ_base["HTTP_ACCEPT"] = "text/html"
        link = self.auth.link(role)
        assert client.get(f"/dashboard/login?link={link}").status_code == 200
        return client


@pytest.fixture
def site(store: Store, open_reader: Callable[[], ActivityReader]) -> Site:
    """The pages over that ledger."""
    return Site(store, open_reader)


@pytest.fixture
def client(site: Site) -> FlaskClient:
    """An operator's program."""
    return site.client()

"""Laws of signing in: tokens, links that are used once, cookies that end."""

from __future__ import annotations

import pytest

from tests.web.conftest import TOKENS
from web.auth import LINK_S, SESSION_S, Auth, Role, Who

SECOND = 10**9


class Clock:
    """A time that a test sets."""

    now = 10**18

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def auth(clock: Clock) -> Auth:
    return Auth(TOKENS, clock)


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_a_token(auth: Auth, role: Role) -> None:
    """Each role's token stands for it, in any spelling of the scheme."""
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert auth.bearer(f"{scheme} {TOKENS[role]}") == Who(role, "bearer")
    assert Who(role, "bearer").actor == f"web:{role}"


@pytest.mark.parametrize(
    "header",
    [
        *("", "Bearer", "Bearer ", "Bearer x", f"Basic {TOKENS['operator']}", TOKENS["operator"]),
        *(f"Bearer {TOKENS['operator']}x", f"Bearer {TOKENS['operator'][:-1]}", "Bearer \udc80"),
    ],
)
def test_no_token(auth: Auth, header: str) -> None:
    """Whatever is no token of this home is nobody's."""
    assert auth.bearer(header) is None


def test_a_link_works_once(auth: Auth) -> None:
    """It gives a cookie of its role, and nothing the second time."""
    link = auth.link("viewer")
    entered = auth.enter(link)
    assert entered is not None
    assert entered[1] == "viewer"
    assert auth.cookie(entered[0]) == Who("viewer", "cookie")
    assert auth.enter(link) is None
    assert auth.enter("") is None


def test_a_link_is_no_cookie(auth: Auth) -> None:
    """Nor is a cookie a link, or either of them a token."""
    link = auth.link("operator")
    assert auth.cookie(link) is None
    assert auth.bearer(f"Bearer {link}") is None
    entered = auth.enter(link)
    assert entered is not None
    assert auth.enter(entered[0]) is None
    assert auth.bearer(f"Bearer {entered[0]}") is None


@pytest.mark.parametrize(("late", "works"), [(-1, True), (0, False), (1, False)])
def test_an_old_link(auth: Auth, clock: Clock, late: int, works: bool) -> None:
    """It is good for two minutes."""
    link = auth.link("operator")
    clock.now += LINK_S * SECOND + late
    assert (auth.enter(link) is not None) == works


@pytest.mark.parametrize(("late", "works"), [(-1, True), (0, False)])
def test_an_old_cookie(auth: Auth, clock: Clock, late: int, works: bool) -> None:
    """It is good for twelve hours, whatever the browser keeps."""
    entered = auth.enter(auth.link("operator"))
    assert entered is not None
    clock.now += SESSION_S * SECOND + late
    assert (auth.cookie(entered[0]) is not None) == works


def test_leaving(auth: Auth) -> None:
    """A session that was left is over for whoever kept its cookie."""
    first, second = (auth.enter(auth.link("operator")) for _ in range(2))
    assert first is not None
    assert second is not None
    auth.leave(first[0])
    auth.leave("unknown")
    assert auth.cookie(first[0]) is None
    assert auth.cookie(second[0]) is not None


def test_the_oldest_make_room(auth: Auth) -> None:
    """Whoever makes many links fills no memory."""
    links = [auth.link("operator") for _ in range(65)]
    assert auth.enter(links[0]) is None
    assert auth.enter(links[1]) is not None
    assert auth.enter(links[-1]) is not None

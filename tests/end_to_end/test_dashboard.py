"""The dashboard in a real browser, while real calls flow."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import openai
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.browser import chromium, sign_in
from tests.end_to_end.doors import Door
from tests.end_to_end.gateway import Agent, Gateway
from tests.end_to_end.prompts import CHAT
from tests.end_to_end.upstream import Provider

pytestmark = pytest.mark.xdist_group("end_to_end_dashboard")

# What a browser on a busy machine is given; the aim is one second.
SOON_MS = 15_000
expect.set_options(timeout=SOON_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that was never here; whatever its console complains of fails the test."""
    with browser.new_context() as context:
        opened = context.new_page()
        opened.set_default_timeout(SOON_MS)
        said: list[str] = []
        opened.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        opened.on("pageerror", lambda error: said.append(str(error)))
        yield opened
        # The browser asks for an icon by itself; some tests ask for what they may not have.
        assert [line for line in said if "Failed to load resource" not in line] == []


@pytest.fixture
def call(gateway: Gateway, shared_ca_file: str) -> Door:
    return Door("base_url", gateway, shared_ca_file)


def test_the_first_run(page: Page, new_gateway: object) -> None:
    """Where nothing is governed the page tells the very commands, until there is an agent."""
    fresh: Gateway = new_gateway().start()  # type: ignore[operator]
    sign_in(page, fresh)
    expect(page.get_by_role("heading", name="Nothing is governed yet")).to_be_visible()
    text = page.inner_text("main")
    assert "aex agent create shop 5.00 60" in text
    assert f"OPENAI_BASE_URL=http://127.0.0.1:{fresh.port}/v1" in text
    fresh.json("agent", "create", "shop", "5", "60")
    expect(page.get_by_role("link", name="shop")).to_be_visible()
    expect(page.get_by_text("No call has come yet")).to_be_visible()


def test_calls_are_seen_as_they_happen(
    page: Page, gateway: Gateway, provider: Provider, call: Door, agent: Agent
) -> None:
    """A call's row comes by itself, goes through its states, and leads to its whole story."""
    sign_in(page, gateway)
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    provider.script(hold=[3])
    row = page.locator("tr", has_text="DISPATCHED").filter(has_text=agent.name)
    with call.sdk(agent) as sdk, sdk.chat.completions.create(**CHAT, stream=True) as stream:
        next(stream)
        provider.wait_held()
        expect(row).to_be_visible()
        provider.release()
        list(stream)
    done = page.locator(".calls tr").filter(has_text=agent.name)
    expect(done).to_contain_text("COMMITTED")
    assert loads == []
    done.locator("time").click()
    expect(page.get_by_text("execution.committed")).to_be_visible()
    (stored,) = gateway.executions(agent)
    assert stored["execution_id"] in page.title()
    page.get_by_text("Payload").first.click()
    expect(page.get_by_text("reserved_nanousd").first).to_be_visible()


def test_a_filter(
    page: Page, gateway: Gateway, provider: Provider, call: Door, agent: Agent
) -> None:
    """Calls are found by agent and state; where none fits, that is said with a way on."""
    with call.sdk(agent) as sdk:
        sdk.chat.completions.create(**CHAT)
        with pytest.raises(openai.APIStatusError):
            sdk.chat.completions.create(**CHAT | {"model": "<b>no-such-model</b>"})
    sign_in(page, gateway)
    page.get_by_role("link", name="Activity").click()
    page.get_by_label("Agent").fill(agent.name)
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".calls tbody tr")).to_have_count(2)
    page.get_by_label("State").select_option("DENIED")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".calls tbody tr")).to_have_count(1)
    expect(page.get_by_text("<b>no-such-model</b>").first).to_be_visible()
    page.get_by_label("Model").fill("nothing-like-it")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text("No call fits.")).to_be_visible()


def act(page: Page, button: str, reason: str) -> None:
    """Fills in the reason of the form with this button, and means it."""
    form = page.locator("form", has=page.get_by_role("button", name=button))
    form.get_by_label("Reason").fill(reason)
    form.get_by_role("button", name=button).click()
    expect(page.get_by_text(reason)).to_be_visible()
    page.locator(".confirm button").click()


def test_a_pause_cuts_a_live_stream(
    page: Page, gateway: Gateway, provider: Provider, call: Door, agent: Agent
) -> None:
    """Paused from its page, an agent's stream ends with the reason; let go again, it calls on."""
    sign_in(page, gateway)
    page.goto(f"{gateway.url}/dashboard/agents/{agent.name}")
    provider.script(hold=[3])
    with call.sdk(agent, max_retries=0) as sdk:
        with sdk.chat.completions.create(**CHAT, stream=True) as stream:
            next(stream)
            provider.wait_held()
            act(page, "Move…", "it writes the same again")
            before = time.monotonic()
            expect(page.get_by_role("status")).to_contain_text("is PAUSED now")
            with pytest.raises(openai.APIError, match="PAUSED: it writes the same again"):
                list(stream)
        assert time.monotonic() - before < SOON_MS / 1000
        provider.script()
        act(page, "Move…", "it is mended")
        expect(page.get_by_role("status")).to_contain_text("is READY now")
        sdk.chat.completions.create(**CHAT)
    events = list(states(gateway, agent))
    assert events == [("PAUSED", "web:operator"), ("READY", "web:operator")]


def states(gateway: Gateway, agent: Agent) -> Iterator[tuple[str, str]]:
    from ledger.read import Reader

    with Reader("sqlite:///ledger.db", gateway.home) as reader:
        for logged in reader.log(kind="agent.state"):
            if logged.event.agent == agent.name:
                yield logged.event.data()["to"], logged.event.data()["actor"]


def test_a_top_up_lets_an_agent_go_on(
    page: Page, gateway: Gateway, provider: Provider, call: Door, new_agent: object
) -> None:
    """A budget that could not carry a call carries it after a top-up from the page."""
    poor: Agent = new_agent("0.000001", 0, "--on-short-budget", "deny")  # type: ignore[operator]
    sign_in(page, gateway)
    with call.sdk(poor, max_retries=0) as sdk:
        with pytest.raises(openai.APIStatusError):
            sdk.chat.completions.create(**CHAT)
        denied = page.locator("#denials li").filter(has_text=poor.name)
        expect(denied).to_contain_text(f"aex agent top-up {poor.name}")
        page.goto(f"{gateway.url}/dashboard/agents/{poor.name}")
        page.get_by_label("Amount in dollars").fill("2.50")
        act(page, "Top up…", "a fair share")
        expect(page.get_by_role("status")).to_contain_text("$2.50 is left")
        sdk.chat.completions.create(**CHAT)


def test_whoever_may_only_read(page: Page, gateway: Gateway, agent: Agent) -> None:
    """A viewer has no form to act by, and is refused without one."""
    sign_in(page, gateway, "--read-only")
    page.goto(f"{gateway.url}/dashboard/agents/{agent.name}")
    expect(page.get_by_role("heading", name="Limits")).to_be_visible()
    assert page.get_by_role("button", name="Move…").count() == 0
    posted = page.evaluate(
        "name => fetch(`/dashboard/agents/${name}/state`, {method: 'POST', headers: "
        "{'Content-Type': 'application/x-www-form-urlencoded'}, "
        "body: 'state=PAUSED&reason=x&meant=yes'}).then(answer => answer.status)",
        agent.name,
    )
    assert posted == 403
    assert gateway.inspect(agent)["lifecycle_state"] == "READY"


def test_nobody_comes_in_unasked(page: Page, gateway: Gateway) -> None:
    """Without a cookie, with a used link, or after signing out, the page says how to come in."""
    page.goto(f"{gateway.url}/dashboard")
    expect(page.get_by_text("aex dashboard", exact=True)).to_be_visible()
    link = gateway.json("dashboard")["url"]
    page.goto(link)
    page.wait_for_url("**/dashboard")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("Nobody is signed in here")).to_be_visible()
    page.goto(link)
    expect(page.get_by_text("This link was used before")).to_be_visible()
    wrong = httpx.get(
        f"{gateway.url}/admin/agents", headers={"authorization": "Bearer x"}, trust_env=False
    )
    assert wrong.status_code == 401


def test_a_page_of_another_site_does_nothing(
    page: Page, gateway: Gateway, provider: Provider, agent: Agent
) -> None:
    """Another server of this machine, whose requests carry the cookie, is refused by its Origin."""
    sign_in(page, gateway)
    form = (
        f"<form method=post action='{gateway.url}/dashboard/agents/{agent.name}/state'>"
        "<input name=state value=PAUSED><input name=reason value=x><input name=meant value=yes>"
        "<button>go</button></form>"
    )
    elsewhere = provider.url + "/elsewhere"
    page.route(elsewhere, lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto(elsewhere)
    page.get_by_role("button", name="go").click()
    expect(page.get_by_text("made by a page of another site")).to_be_visible()
    assert gateway.inspect(agent)["lifecycle_state"] == "READY"


# What a box holds, and how much wider than the box that is.
WIDER = """[document.documentElement, ...document.querySelectorAll("section")]
    .map(box => [box.className, box.scrollWidth - box.clientWidth])
    .filter(([, more]) => more > 0)"""


@pytest.mark.parametrize("width", [360, 1280, 1600, 1920, 3840])
def test_it_fits(page: Page, gateway: Gateway, call: Door, width: int) -> None:
    """From a phone to a wall nothing is wider than its box, whatever agents are called and ask."""
    page.set_viewport_size({"width": width, "height": 900})
    name = f"{width}-".ljust(64, "x")
    made = gateway.json("agent", "create", name, "9000000.01", "0")
    agent = Agent(name, made["token"], made["budget_nanousd"])
    with call.sdk(agent, max_retries=0) as sdk:
        sdk.chat.completions.create(**CHAT)
        with pytest.raises(openai.PermissionDeniedError):
            sdk.chat.completions.create(**CHAT | {"model": "m" * 200})
    sign_in(page, gateway)
    for path in ("", f"/agents/{agent.name}", "/activity"):
        page.goto(f"{gateway.url}/dashboard{path}")
        assert page.evaluate(WIDER) == [], path


def test_without_javascript(browser: Browser, gateway: Gateway, agent: Agent) -> None:
    """All of it is there to read, and nothing pretends to be live."""
    with browser.new_context(java_script_enabled=False) as context:
        plain = context.new_page()
        sign_in(plain, gateway)
        expect(plain.get_by_role("link", name=agent.name)).to_be_visible()
        expect(plain.get_by_text("Hold")).not_to_be_visible()


def test_the_keyboard(page: Page, gateway: Gateway) -> None:
    """The first Tab leads past the navigation, and the live rows can be held."""
    sign_in(page, gateway)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.get_by_role("button", name="Hold").press("Enter")
    expect(page.get_by_role("status")).to_have_text("Held")

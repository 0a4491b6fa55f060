"""Over real sockets: what is reached beside the providers is what was judged, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from aex_addon.egress import Egress, refused
from aex_addon.first_words import hosts_named
from aex_addon.settings_egress import EgressSettings
from aex_addon.standing import Standing
from aex_addon.tokens import token_hash
from ledger.admin_commands import RevokeToken, SetLimits, SetState
from ledger.errors import LedgerUnavailable
from ledger.reached import reached
from tests.aex_addon.names import Names, resolver
from tests.aex_addon.rig import Rig, gateway
from tests.aex_addon.strangers import HERE, THERE, Strangers, get, strangers
from tests.aex_addon.test_first_words import hello
from tests.aex_addon.wire import Client, Upstream, connected

Open = Callable[..., AbstractAsyncContextManager[Rig]]
HERE_ALONE = {"private": [HERE]}


@pytest.fixture
def opening(tmp_path: Path, provider: Upstream) -> Open:
    """A gateway with this [egress]; without any, HERE is the one private address to be reached."""

    def make(**egress: Any) -> AbstractAsyncContextManager[Rig]:
        return gateway(tmp_path / "home", provider.port, egress=HERE_ALONE | egress)

    return make


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return resolver(monkeypatch)


@pytest.fixture
async def both() -> AsyncIterator[Strangers]:
    """A server HERE and one THERE."""
    async with strangers(HERE, THERE) as found:
        yield found


def addon[A](rig: Rig, kind: type[A]) -> A:
    (found,) = [each for each in rig.master.addons.chain if isinstance(each, kind)]
    return found


async def connect(rig: Rig, target: str, *lines: str) -> tuple[int, str, str]:
    """Status, code and words for a tunnel that is not used."""
    async with connected(rig.port) as client:
        await client.send("\r\n".join([f"CONNECT {target} HTTP/1.1", *lines, "", ""]).encode())
        status, headers = await client.head()
        size = int(headers.get("content-length", 0))
        body = (await client.reader.readexactly(size)).decode() if status != 200 else ""
        return status, headers.get("x-aex-denial", ""), body


async def fetch(rig: Rig, url: str, host: str, *lines: str) -> tuple[int, str, str]:
    """The same for a request with a whole URL, with the body that came."""
    async with connected(rig.port) as client:
        answer = await client.call(get(url, host, *lines))
        return answer.status, answer.headers.get("x-aex-denial", ""), answer.body.decode()


async def through(client: Client, host: str = "x") -> str:
    """What a stranger says inside a tunnel."""
    return (await client.call(get("/", host))).body.decode()


@pytest.mark.parametrize(
    ("private", "host", "address", "code"),
    [
        ([], "inner.example", "10.0.0.1", "egress_private"),
        (["10.0.0.0/8"], "inner.example", "10.0.0.1", ""),
        (["10.0.0.0/8:80"], "inner.example", "10.0.0.1", ""),
        (["10.0.0.0/8:81"], "inner.example", "10.0.0.1", "egress_private"),
        (["10.0.0.0/8"], "inner.example", "64:ff9b::a00:1", ""),
        (["inner.example"], "inner.example", "10.0.0.1", ""),
        (["*.example"], "inner.example", "127.0.0.1", ""),
        (["other.example"], "inner.example", "10.0.0.1", "egress_private"),
        (["*"], "inner.example", "169.254.169.254", "egress_private"),
        (["inner.example"], "inner.example", "fd00:ec2::254", "egress_private"),
        (["169.254.169.254"], "inner.example", "169.254.169.254", ""),
        (["169.254.0.0/16"], "169.254.169.254", "169.254.169.254", ""),
        (["10.0.0.0/8"], "inner.example", "169.254.169.254", "egress_private"),
    ],
)
def test_what_opens_an_address(private: list[str], host: str, address: str, code: str) -> None:
    """A network or a name does; but where credentials are kept, only the address itself."""
    settings = EgressSettings(private=private)
    found = refused(settings, (), host, 80, ip_address(address), near=True)
    assert (found.code if found else "") == code
    assert refused(settings, (), host, 80, ip_address("8.8.8.8")) is None


SPELLED = (
    *("127.0.0.1", "127.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1."),
    *("localhost", "LOCALHOST.", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0", "0.0.0.0"),
    *("[::]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "127。0。0。1", "①27.1"),
    *("10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "169.254.169.254", "0xa9fea9fe"),
    *(
        "224.0.0.1",
        "255.255.255.255",
        "[fe80::1]",
        "[fe80::1%25lo]",
        "[fd00:ec2::254]",
        "[ff02::1]",
    ),
)


async def test_this_network_is_not_reached(
    opening: Open, both: Strangers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by a tunnel nor by a request, however it is spelled; nothing is dialled."""
    dialled: list[object] = []
    told: dict[str, set[int]] = {}
    connect_now = asyncio.open_connection

    async def dial(*at: Any, **more: Any) -> Any:
        if at[1] != rig.port:
            dialled.append(at)
        return await connect_now(*at, **more)

    monkeypatch.setattr(asyncio, "open_connection", dial)
    async with opening() as rig:
        for spelled in SPELLED:
            place = f"{spelled}:{both.port}"
            for asked in (f"CONNECT {place}", f"GET http://{place}/"):
                async with connected(rig.port) as client:
                    await client.send(f"{asked} HTTP/1.1\r\nhost: {place}\r\n\r\n".encode())
                    told.setdefault(spelled, set()).add((await client.head())[0])
    assert {spelled: seen for spelled, seen in told.items() if not seen <= {400, 403}} == {}
    assert (both.connections, dialled) == ([], [])


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::1", "64:ff9b::a00:1"])
async def test_a_name_is_what_it_leads_to(opening: Open, names: Names, address: str) -> None:
    """One that leads to this network is refused as an address of it is."""
    names.lead("inner.example", [address])
    async with opening() as rig:
        assert (await connect(rig, "inner.example:80"))[:2] == (403, "egress_private")
        found = await fetch(rig, "http://inner.example/", "inner.example")
    assert found[:2] == (403, "egress_private")
    assert "inner.example" in found[2]
    assert "`private` of [egress]" in found[2]


async def test_of_an_answer_only_good_addresses_are_dialled(
    opening: Open, names: Names, both: Strangers
) -> None:
    """What else it names is left out, whichever stands first."""
    names.lead("mixed.example", [THERE, "10.0.0.1", HERE])
    async with opening() as rig, connected(rig.port) as client:
        assert await client.tunnel(f"mixed.example:{both.port}") == 200
        assert await through(client) == HERE
        found = await fetch(rig, f"http://mixed.example:{both.port}/", "mixed.example")
        assert (found[0], found[2]) == (200, HERE)
    assert THERE not in both.connections


async def test_a_name_is_looked_up_once(opening: Open, names: Names, both: Strangers) -> None:
    """A resolver that answers otherwise the second time is not asked a second time."""
    for way in ("tunnel", "request"):
        names.asked.clear()
        names.lead("rebound.example", [HERE], [THERE])
        async with opening() as rig, connected(rig.port) as client:
            if way == "tunnel":
                assert await client.tunnel(f"rebound.example:{both.port}") == 200
                assert await through(client, "rebound.example") == HERE
            else:
                url = f"http://rebound.example:{both.port}/"
                assert (await client.call(get(url, "rebound.example"))).body.decode() == HERE
            assert names.asked == ["rebound.example"]
    assert THERE not in both.connections


async def test_each_request_of_a_connection_is_judged(
    opening: Open, names: Names, both: Strangers
) -> None:
    """The second host is refused, a name that leads elsewhere by now too, and the first goes on
    over the connection that it has."""
    names.lead("good.example", [HERE])
    names.lead("rebound.example", [HERE], [THERE])
    told = []
    async with opening(deny=["evil.example"]) as rig, connected(rig.port) as client:
        for host in ("good", "rebound", "evil", "rebound", "good"):
            url = f"http://{host}.example:{both.port}/"
            answer = await client.call(get(url, f"{host}.example:{both.port}"))
            told.append((answer.status, answer.headers.get("x-aex-denial", "")))
    passed = (200, "")
    refused = (403, "egress_denied"), (403, "egress_private")
    assert told == [passed, passed, *refused, passed]
    assert both.connections == [HERE]


async def test_the_next_address_is_tried(opening: Open, names: Names, both: Strangers) -> None:
    """Where nobody listens at the first one."""
    names.lead("twice.example", ["127.0.0.3", HERE])
    async with opening(private=["127.0.0.3", HERE]) as rig, connected(rig.port) as client:
        assert await client.tunnel(f"twice.example:{both.port}") == 200
        assert await through(client) == HERE


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("other.example", "good.example"),
        ("GOOD.example.", "GOOD.example."),
        ("good.example, other.example", "good.example"),
    ],
)
async def test_host_and_address_agree(
    opening: Open, names: Names, both: Strangers, host: str, sent: str
) -> None:
    """Behind one address no other host is asked than the one that was judged."""
    names.lead("good.example", [HERE])
    async with opening(default="none", allow=["good.example"]) as rig:
        found = await fetch(rig, f"http://good.example:{both.port}/x", f"{host}:{both.port}")
    assert found[0] == 200
    (head,) = both.heads[HERE]
    lines = [line for line in head.split("\r\n") if line.lower().startswith("host:")]
    assert [line.partition(": ")[2] for line in lines] == [f"{sent}:{both.port}"]


async def test_names_that_have_no_address(opening: Open, names: Names) -> None:
    """The client is told before it believes in its tunnel."""
    names.lead("nowhere.example", [])
    async with opening() as rig:
        assert (await connect(rig, "nowhere.example:80"))[:2] == (502, "egress_unresolved")
        found = await fetch(rig, "http://nowhere.example/", "nowhere.example")
        assert found[:2] == (502, "egress_unresolved")


@pytest.mark.parametrize("spelled", ["127.0.0.1", "127.5.5.5", "0x7f.1", "localhost", "me.example"])
async def test_aex_itself_is_never_reached(opening: Open, names: Names, spelled: str) -> None:
    """Not even where its address may be; nor its pages through a tunnel."""
    names.lead("me.example", ["127.0.0.1"])
    async with opening(private=["0.0.0.0/0", "::/0"]) as rig:
        place = f"{spelled}:{rig.port}"
        assert (await connect(rig, place))[:2] == (403, "egress_own")
        assert (await fetch(rig, f"http://{place}/health", place))[0] == 421


async def test_a_list_for_everybody(opening: Open, names: Names, both: Strangers) -> None:
    """What stands in no list is refused where the default says so, and nothing is looked up."""
    for host in ("a.good.example", "other.example", "bad.good.example"):
        names.lead(host, [HERE])
    async with opening(default="none", allow=["*.good.example"], deny=["bad.*"]) as rig:
        told = [
            (await connect(rig, f"{host}:{both.port}"))[:2]
            for host in ("a.good.example", "OTHER.example", "bad.good.example")
        ]
    assert told == [(200, ""), (403, "egress_not_allowed"), (403, "egress_denied")]
    assert names.asked == ["a.good.example"]


async def test_a_list_of_an_agent(opening: Open, names: Names, both: Strangers) -> None:
    """It holds whoever names the agent, by tunnel and by request, from the next one on."""
    names.lead("good.example", [HERE])
    async with opening() as rig:
        line = f"proxy-authorization: {rig.basic}"
        place = f"good.example:{both.port}"
        assert (await connect(rig, place, line))[0] == 200
        denied = SetLimits("bot", "test", caps={"egress_deny": ["*.example:*"]})
        rig.assembly.store.one(denied)
        assert rig.assembly.store.one(
            SetLimits("bot", "test", caps={"egress_deny": [f"*.example:{both.port}"]})
        )
        for told in (
            await connect(rig, place, line),
            await fetch(rig, f"http://{place}/", place, line),
        ):
            assert told[:2] == (403, "egress_denied")
            assert "`aex agent limits bot --uncap egress_deny`" in told[2]
        assert (await connect(rig, place))[0] == 200
        rig.assembly.store.one(SetLimits("bot", "test", caps={"egress_deny": None, "strict": True}))
        told = await connect(rig, place, line)
        assert told[:2] == (403, "egress_not_allowed")
        rig.assembly.store.one(SetLimits("bot", "test", caps={"egress_allow": [HERE]}))
        assert (await connect(rig, place, line))[0] == 200


async def test_who_names_nobody(opening: Open, both: Strangers) -> None:
    """May be refused, with the question who it is."""
    async with opening(anonymous="refuse") as rig:
        place = f"{HERE}:{both.port}"
        line = f"proxy-authorization: {rig.basic}"
        assert (await connect(rig, place))[:2] == (407, "egress_anonymous")
        assert (await fetch(rig, f"http://{place}/", place))[:2] == (407, "egress_anonymous")
        assert (await connect(rig, place, line))[0] == 200
        assert (await fetch(rig, f"http://{place}/", place, line))[0] == 200
        head = both.heads[HERE][0].lower()
        assert "proxy-authorization" not in head


async def test_a_credential_must_be_good(opening: Open, both: Strangers) -> None:
    """A wrong one is worse than none; and an agent that is stopped goes nowhere."""
    async with opening() as rig:
        place, store = f"{HERE}:{both.port}", rig.assembly.store
        wrong = rig.basic.replace("Basic ", "Basic eDp4")
        assert (await connect(rig, place, f"proxy-authorization: {wrong}"))[1] == "token_unknown"
        line = f"proxy-authorization: {rig.basic}"
        store.one(SetState("bot", "PAUSED", "a loop", "test"))
        told = await connect(rig, place, line)
        assert told[:2] == (423, "agent_not_serving")
        assert (await fetch(rig, f"http://{place}/", place, line))[0] == 423
        store.one(SetState("bot", "READY", "fixed", "test"))
        assert (await connect(rig, place, line))[0] == 200
    assert both.connections == []


async def test_a_ledger_that_cannot_be_asked(
    opening: Open, both: Strangers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who names an agent waits for it; who names none needs none."""
    async with opening() as rig:

        async def call(_ask: object) -> None:
            raise LedgerUnavailable("gone")

        monkeypatch.setattr(rig.assembly.parts.books, "call", call)
        place, line = f"{HERE}:{both.port}", f"proxy-authorization: {rig.basic}"
        assert (await connect(rig, place, line))[:2] == (503, "gateway_unavailable")
        assert (await connect(rig, place))[0] == 200


async def test_a_fault_of_the_decision(
    opening: Open, both: Strangers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is reached by it."""

    async def judge(*_: object, **__: object) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr(Egress, "judge", judge)
    async with opening() as rig:
        place = f"{HERE}:{both.port}"
        assert (await connect(rig, place))[0] == 503
        assert (await fetch(rig, f"http://{place}/", place))[0] in (502, 503)
    assert both.connections == []


async def test_what_is_recorded(opening: Open, names: Names, both: Strangers) -> None:
    """The host, who and what became of it, the first time; each time is counted."""
    names.lead("good.example", [HERE])
    async with opening() as rig:
        line, place = f"proxy-authorization: {rig.basic}", f"good.example:{both.port}"
        for _ in range(3):
            assert (await connect(rig, place, line))[0] == 200
            assert (await fetch(rig, f"http://{place}/secret?path", place, line))[0] == 200
        assert (await connect(rig, "10.0.0.1:22", line))[0] == 403
        assert (await connect(rig, "10.0.0.1:22"))[0] == 403
        assert await rig.assembly.parts.books.drained(5)
        with rig.reader() as reader:
            own = [(one.host, one.port, one.outcome) for one in reached(reader, "bot", 9)]
            nobody = [(one.host, one.port, one.outcome) for one in reached(reader, "", 9)]
            assert all(b"secret" not in row.event.payload.encode() for row in reader.log())
        assert own == [("10.0.0.1", 22, "egress_private"), ("good.example", both.port, "passed")]
        assert nobody == [("10.0.0.1", 22, "egress_private")]
        counted = rig.assembly.parts.observed.egress.sums
    assert counted == {
        ("bot", "passed"): 6,
        ("bot", "egress_private"): 1,
        ("", "egress_private"): 1,
    }
    assert rig.executions() == []


@pytest.mark.parametrize("why", ["pause", "revoke"])
async def test_a_tunnel_ends_with_the_right_to_it(opening: Open, both: Strangers, why: str) -> None:
    """A look after its agent is stopped, or its token revoked; one of nobody's goes on."""
    async with opening() as rig, connected(rig.port) as own, connected(rig.port) as nobody:
        place, egress = f"{HERE}:{both.port}", addon(rig, Egress)
        assert await own.tunnel(place, rig.basic) == 200
        assert await nobody.tunnel(place) == 200
        assert (await through(own), await through(nobody)) == (HERE, HERE)
        assert egress.tokens == {token_hash(rig.token)}
        await addon(rig, Standing).go_round()
        assert await through(own) == HERE
        if why == "pause":
            rig.assembly.store.one(SetState("bot", "PAUSED", "a loop", "test"))
        else:
            rig.assembly.store.one(RevokeToken(token_hash(rig.token), "lost", "test"))
        await addon(rig, Standing).go_round()
        assert await asyncio.wait_for(own.ended(), 20)
        assert await through(nobody) == HERE
    assert egress.tokens == frozenset()


async def test_nothing_is_left_of_a_client_that_did_not_wait(
    opening: Open,
) -> None:
    """Who leaves while a name is looked up leaves nothing behind."""
    asked, answer, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Watching:
        def client_disconnected(self, _client: object) -> None:
            gone.set()

    async with opening() as rig:
        egress = addon(rig, Egress)
        rig.master.addons.add(Watching())

        async def slow(_name: str, _asker: str) -> list[Any]:
            asked.set()
            await answer.wait()
            return [ip_address(HERE)]

        egress._look_up = slow
        async with connected(rig.port) as client:
            await client.send(b"CONNECT slow.example:1 HTTP/1.1\r\n\r\n")
            await asyncio.wait_for(asked.wait(), 20)
        await asyncio.wait_for(gone.wait(), 20)
        answer.set()
        # A later connection is told after all that the first one left to do.
        assert (await connect(rig, "10.0.0.1:1"))[0] == 403
        assert (egress._open, rig.assembly.parts.destinations._allowed.keys()) == ({}, set())


async def test_a_tunnel_leads_to_no_governed_host(opening: Open, both: Strangers) -> None:
    """One that was asked for by address, and then says that it means a provider, is closed."""
    said = hello("api.openai.com")
    request = get("/v1/models", "api.openai.com")
    async with opening() as rig:
        for words in (
            said,
            request,
            b"CONNECT api.openai.com:443 HTTP/1.1\r\nhost: api.openai.com:443\r\n\r\n",
        ):
            async with connected(rig.port) as client:
                assert await client.tunnel(f"{HERE}:{both.port}", rig.basic) == 200
                for byte in (words[:7], words[7:]):
                    await client.send(byte)
                assert await asyncio.wait_for(client.ended(), 20)
        counted = rig.assembly.parts.observed.egress.sums
    assert both.heads == {}
    assert counted[("bot", "egress_governed")] == 3


async def test_a_tunnel_leads_to_no_denied_host(opening: Open, both: Strangers) -> None:
    """Also where it was asked for by address: a list of names is not passed by leaving it out."""
    place = f"{HERE}:{both.port}"
    async with opening(deny=["*.everybody.example"]) as rig:
        denied = [f"an.agent.example:{both.port}"]
        rig.assembly.store.one(SetLimits("bot", "test", caps={"egress_deny": denied}))
        for words, left in (
            (hello("x.everybody.example"), True),
            (get("/", "X.Everybody.Example."), True),
            (hello("an.agent.example"), True),
            (get("/", "another.example"), False),
        ):
            async with connected(rig.port) as client:
                assert await client.tunnel(place, rig.basic) == 200
                await client.send(words)
                if left:
                    assert await asyncio.wait_for(client.ended(), 20)
                else:
                    assert (await client.answer()).status == 200
        counted = rig.assembly.parts.observed.egress.sums
    assert counted[("bot", "egress_denied")] == 3
    assert len(both.heads[HERE]) == 1


@pytest.mark.parametrize("host", [HERE, THERE])
async def test_a_websocket_in_plain_http(opening: Open, both: Strangers, host: str) -> None:
    """It passes, or is refused, as any request."""
    lines = ("upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13")
    key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="
    async with opening() as rig, connected(rig.port) as client:
        await client.send(get(f"http://{host}:{both.port}/", f"{host}:{both.port}", *lines, key))
        status, _ = await client.head()
    assert status == (101 if host == HERE else 403)
    assert both.connections == ([HERE] if host == HERE else [])


@pytest.mark.parametrize("method", ["HEAD", "POST"])
async def test_after_a_refusal_the_connection_goes_on(
    opening: Open, both: Strangers, method: str
) -> None:
    """The body of what was refused is read, and the answer to HEAD has none."""
    body = "content-length: 5"
    async with opening() as rig, connected(rig.port) as client:
        url = f"http://{THERE}:{both.port}/"
        lines = (body,) if method == "POST" else ()
        await client.send(get(url, THERE, *lines, method=method) + (b"12345" if lines else b""))
        assert (await client.answer(method)).status == 403
        answer = await client.call(get(f"http://{HERE}:{both.port}/", HERE))
    assert (answer.status, answer.body.decode()) == (200, HERE)


async def test_tls_that_aex_begins_names_the_host(opening: Open, names: Names) -> None:
    """Where a client hands its proxy a whole https URL; it is led to the address all the same."""
    greeting: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(5)
        greeting.append(head + await reader.readexactly(int.from_bytes(head[3:5])))
        writer.close()

    server = await asyncio.start_server(listen, HERE, 0)
    port = server.sockets[0].getsockname()[1]
    names.lead("tls.example", [HERE], ["10.0.0.1"])
    async with opening() as rig:
        told = await fetch(rig, f"https://tls.example:{port}/", "tls.example")
    server.close()
    await server.wait_closed()
    assert told[0] == 502
    assert hosts_named(greeting[0]) == ("tls.example",)
    assert names.asked == ["tls.example"]


async def test_an_address_that_failed_is_tried_last(
    opening: Open, names: Names, both: Strangers
) -> None:
    """So that a plain request, which tries one, reaches the other the next time."""
    names.lead("twice.example", ["127.0.0.3", HERE])
    async with opening(private=["127.0.0.3", HERE]) as rig:
        place = f"twice.example:{both.port}"
        told = [(await fetch(rig, f"http://{place}/", place))[0] for _ in range(3)]
    assert told == [502, 200, 200]


async def test_this_machine_s_public_address(
    opening: Open, both: Strangers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is this machine's, where others find no open port that an agent would."""
    monkeypatch.setattr("aex_addon.egress.is_public", lambda _address: True)
    async with opening(private=[]) as rig:
        assert (await connect(rig, f"{THERE}:{both.port}"))[:2] == (403, "egress_private")
        # A host of the internet is none of this machine's; here there is no way to it.
        assert (await connect(rig, "203.0.113.7:9"))[0] == 200

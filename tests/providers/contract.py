"""The contract of a wire format, run over recorded calls; one class per format derives from it.

Owns: the laws that hold for every format, and how a case is laid out on disk:

    fixtures/<format>/<case>/request.json     the body that the client sent (.form: a form)
                             call.json        optional: method, path, query, headers, provider,
                                              path_model; content_type, status and
                                              answer_headers of the answer
                             response.*       the provider's bytes (.sse, .json, .bin ...)
                             client.*         optional: what the client gets of them, if less
                             usage.json       counts (null: none), model, service_tier, complete;
                                              and `known` (counts of the input) or `cost_usd` where
                                              it matters
Refuses to know: any one format.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from providers.wire import Call, Facts, Grant, Reading, Refused
from providers.wire_format import Meter, ReadsHeaders, WireFormat

FIXTURES = Path(__file__).parent / "fixtures"
_TYPES = {".sse": "text/event-stream; charset=utf-8", ".json": "application/json"}
ODD: tuple[Any, ...] = (
    *(None, True, "", "x", "9", -1, 0, 1.5, 2**63, 10**400, 1e308, [], [None], {}, {"x": None}),
    "\ud800",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded call."""

    wire_format: WireFormat
    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def settings(self) -> dict[str, Any]:
        path = self.folder / "call.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def call(self, default: Call) -> Call:
        found = self.settings
        return replace(
            default,
            body=self._bytes("request") or b"",
            **{
                key: found[key]
                for key in ("method", "path", "query", "headers", "provider", "path_model")
                if key in found
            },
        )

    @property
    def answer(self) -> bytes:
        return self._bytes("response") or b""

    @property
    def client_bytes(self) -> bytes:
        expected = self._bytes("client")
        return self.answer if expected is None else expected

    @property
    def usage(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "usage.json").read_text()))

    def _bytes(self, stem: str) -> bytes | None:
        found = next(self.folder.glob(f"{stem}.*"), None)
        return found.read_bytes() if found else None

    @property
    def content_type(self) -> str:
        suffix = next(self.folder.glob("response.*")).suffix
        return str(self.settings.get("content_type", _TYPES.get(suffix, "")))

    def meter(self, facts: Facts, told: bool = True) -> Meter:
        """Its meter; `told` is False where the headers of the answer are to tell nothing."""
        status = self.settings.get("status", 200)
        meter = self.wire_format.meter(facts, status, self.content_type)
        if told and isinstance(meter, ReadsHeaders):
            meter.headers(self.settings.get("answer_headers", {}))
        return meter


def run(meter: Meter, chunks: list[bytes]) -> tuple[bytes, Reading]:
    """What the client receives, and the reading at the end."""
    passed = b"".join([meter.feed(chunk) for chunk in chunks])
    return passed + meter.finish(), meter.reading()


def bent(value: Any, odd: tuple[Any, ...]) -> Iterator[Any]:
    """The document with one place at a time absent, or holding something odd."""
    if isinstance(value, dict):
        for key in value:
            yield {other: value[other] for other in value if other != key}
            for instead in odd:
                yield {**value, key: instead}
            for inner in bent(value[key], odd):
                yield {**value, key: inner}
    elif isinstance(value, list):
        for index, item in enumerate(value[:3]):
            for inner in bent(item, odd):
                yield [*value[:index], inner, *value[index + 1 :]]


def bent_form(body: bytes) -> Iterator[bytes]:
    """The form with one part at a time absent, twice, or holding something odd; and cut."""
    line = body.partition(b"\r\n")[0]
    _, *parts, tail = body.split(line)
    for index, part in enumerate(parts):
        before, after = parts[:index], parts[index + 1 :]
        head, blank, _ = part.partition(b"\r\n\r\n")
        yield line.join([b"", *before, *after, tail])
        yield line.join([b"", *before, part, part, *after, tail])
        for odd in (b"", b"-1", b"true", b"1" * 400, b"\xff", b"x" + line, b"\x00"):
            yield line.join([b"", *before, head + blank + odd + b"\r\n", *after, tail])
        for size in range(0, len(part), 7):
            yield line.join([b"", *before, part[:size], *after, tail])
    for size in range(0, len(body), 5):
        yield body[:size]


def dumped(document: Any) -> bytes:
    """JSON as a careless client may write it: lone surrogates and huge numbers included."""
    return json.dumps(document).encode()


class WireFormatContract:
    """Derive, set `wire_format` and `default`, and name the class Test...; cases are collected."""

    wire_format: WireFormat
    # Of each case: what its call.json does not say.
    default: Call

    def cases(self) -> list[Case]:
        folders = sorted((FIXTURES / self.wire_format.name).iterdir())
        assert folders, "a format without recorded calls is not tested"
        return [Case(self.wire_format, folder) for folder in folders]

    def facts(self, case: Case) -> Facts:
        return self.wire_format.read(case.call(self.default))

    def test_the_usage_is_what_the_provider_said(self) -> None:
        """Each case yields the counts, model, tier and end that are written beside it."""
        for case in self.cases():
            reading = run(case.meter(self.facts(case)), [case.answer])[1]
            usage, expected = reading.usage, case.usage
            told = {
                "counts": None if usage is None else dict(usage.counts),
                "model": None if usage is None else usage.model,
                "service_tier": None if usage is None else usage.service_tier,
                "complete": reading.complete,
                "known": None if reading.known is None else dict(reading.known.counts),
                "cost_usd": None
                if usage is None or usage.cost_usd is None
                else str(usage.cost_usd),
            }
            assert {key: told[key] for key in expected if key in told} == {
                key: value for key, value in expected.items() if key in told
            }, case.name

    def test_the_client_gets_the_providers_bytes(self) -> None:
        """All of them, but for what the case says is withheld."""
        for case in self.cases():
            assert run(case.meter(self.facts(case)), [case.answer])[0] == case.client_bytes, (
                case.name
            )

    def test_cuts_change_nothing(self) -> None:
        """Cut at every byte, into single bytes, and at random, a case reads and passes the same."""
        for case in self.cases():
            facts, whole = self.facts(case), case.answer
            expected = run(case.meter(facts), [whole])
            single = [whole[at : at + 1] for at in range(len(whole))]
            assert run(case.meter(facts), single) == expected, case.name
            for at in range(1, len(whole)):
                assert run(case.meter(facts), [whole[:at], whole[at:]]) == expected, case.name
            dice = random.Random(case.name)
            for _ in range(20):
                cuts = [0, *sorted(dice.choices(range(len(whole) + 1), k=6)), len(whole)]
                chunks = [whole[a:b] for a, b in itertools.pairwise(cuts)]
                assert run(case.meter(facts), chunks) == expected, case.name

    def test_the_bound_never_falls_as_bytes_arrive(self) -> None:
        """What was delivered only grows; so does what it may be billed as."""
        for case in self.cases():
            meter, before = case.meter(self.facts(case)), 0
            for at in range(0, len(case.answer), 7):
                meter.feed(case.answer[at : at + 7])
                now = meter.reading().output_tokens_max
                assert now >= before, case.name
                before = now

    def test_no_answer_makes_a_meter_raise(self) -> None:
        """Any JSON of an answer may be absent, wrong-typed, huge or negative; bytes still pass."""
        for case in self.cases():
            facts, meter = self.facts(case), None
            for data in self.bent_answers(case):
                meter = case.meter(facts)
                passed, reading = run(meter, [data])
                assert passed == data or len(passed) < len(data), case.name
                for usage in (reading.usage, reading.known):
                    counts = usage.counts.values() if usage else ()
                    assert all(type(n) is int and n >= 0 for n in counts), case.name
            assert meter is not None, case.name

    def bent_answers(self, case: Case) -> Iterator[bytes]:
        """Variants of an answer: as JSON, or each event of an event stream in turn."""
        if case.answer.lstrip()[:1] in (b"{", b"["):
            try:
                document = json.loads(case.answer)
            except ValueError:
                yield case.answer[:-1]
                return
            yield from map(dumped, bent(document, ODD))
            return
        lines = case.answer.splitlines(keepends=True)
        yield case.answer + b"\xff"
        for index, line in enumerate(lines):
            if not line.startswith(b"data:"):
                continue
            try:
                document = json.loads(line[5:])
            except ValueError:
                continue
            for variant in bent(document, ODD[:9]):
                event = b"data: " + dumped(variant) + b"\n"
                yield b"".join([*lines[:index], event, *lines[index + 1 :]])

    def test_no_request_makes_it_raise_but_a_refusal(self) -> None:
        """Any field absent, wrong-typed, huge or negative is read, or refused with a 4xx."""
        for case in self.cases():
            call = case.call(self.default)
            for odd in self.bent_requests(call):
                status, facts = self.judged(odd)
                assert status is None or 400 <= status < 500, case.name
                if facts is not None:
                    assert facts.input_tokens_max >= 0, case.name
                    assert facts.choices >= 1, case.name
                    assert (facts.output_tokens_cap or 0) >= 0, case.name
                    self.wire_format.patch(odd, facts, Grant(1, 1))

    def bent_requests(self, call: Call) -> Iterator[Call]:
        """Variants of a request: of its JSON, or of its form."""
        if not call.body:
            return
        if call.body.startswith(b"--"):
            for body in bent_form(call.body):
                yield replace(call, body=body)
            return
        for document in bent(json.loads(call.body), ODD):
            yield replace(call, body=dumped(document))

    def judged(self, call: Call) -> tuple[int | None, Facts | None]:
        """The status of the refusal, or the facts."""
        try:
            return None, self.wire_format.read(call)
        except Refused as refused:
            return refused.denial.status, None

    def test_a_grant_of_nothing_changes_nothing_but_the_usage_switch(self) -> None:
        """The body is the client's own, byte for byte, or JSON that differs by a switch."""
        for case in self.cases():
            call = case.call(self.default)
            facts = self.wire_format.read(call)
            sent = self.wire_format.patch(call, facts, Grant())
            if sent is not call.body:
                assert facts.stream, case.name
                assert not facts.usage_wanted, case.name

    def test_a_written_cap_is_read_back(self) -> None:
        """What is granted is in the body that is sent, and never above what was asked."""
        for case in self.cases():
            call = case.call(self.default)
            facts = self.wire_format.read(call)
            if facts.kind != "metered" or not (facts.has_output and facts.cap_writable):
                continue
            asked = facts.output_tokens_cap
            sent = replace(call, body=self.wire_format.patch(call, facts, Grant(3)))
            expected = 3 if asked is None else min(3, asked)
            assert self.wire_format.read(sent).output_tokens_cap == expected, case.name

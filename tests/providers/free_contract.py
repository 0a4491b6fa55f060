"""The contract of a table of free paths; one class per table derives from it.

Owns: the laws that hold for every such table: what is in it passes untouched and unread, and
nothing else is claimed. Refuses to know: any one API, and the shape of its errors.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from providers.openai_other import FreePath, OpenAIFree
from providers.wire import Call, Grant, Reading


class FreePathsContract:
    """Derive, set what follows, and name the class Test...

    paths:  the table. named, misnamed: what an `{id}` in it may look like, and may not.
    costly: lines of `METHOD /path` that may cost, or look odd; the table must not have them.
    """

    wire_format: OpenAIFree
    paths: Sequence[FreePath]
    costly: Sequence[str]
    named: str = "a_1-b.c"
    misnamed: Sequence[str] = ("..", "a%2Fb", "a;b")

    def call(self, line: str, body: bytes = b"\xff") -> Call:
        """A call from `METHOD /path`, with a body that no parser takes."""
        method, _, path = line.partition(" ")
        return Call("any", method, path, "", {}, body)

    def lines(self, path: FreePath) -> list[str]:
        """All that a row stands for."""
        address = path.pattern.replace("{id}", self.named)
        return [f"{method} {address}" for method in path.methods.split()]

    def test_each_row_passes_untouched(self) -> None:
        """A free call is named by its pattern, and its body is not even parsed."""
        for path in self.paths:
            for line in self.lines(path):
                request = self.call(line)
                assert self.wire_format.claims(request), line
                facts = self.wire_format.read(request)
                assert (facts.endpoint, facts.kind) == (path.pattern, "free"), line
                assert (facts.has_output, facts.model) == (False, None), line
                assert self.wire_format.patch(request, facts, Grant(5)) is request.body, line

    def test_the_meter_reads_nothing(self) -> None:
        """Bytes pass, and not even an answer with usage counts."""
        facts = self.wire_format.read(self.call(self.lines(self.paths[0])[0]))
        meter = self.wire_format.meter(facts, 200, "application/json")
        assert meter.feed(b'{"usage":{}}') + meter.finish() == b'{"usage":{}}'
        assert meter.reading() == Reading(None, 0, complete=False)

    def test_what_may_cost_is_not_claimed(self) -> None:
        """The table is a list of what is free; all else is for others to meter or refuse."""
        for line in self.costly:
            assert not self.wire_format.claims(self.call(line)), line
            with pytest.raises(LookupError):
                self.wire_format.read(self.call(line))

    def test_odd_addresses_are_not_claimed(self) -> None:
        """Nor is any row with a slash more, a dot segment, an escape or a method in small."""
        for path in self.paths:
            for line in self.lines(path):
                method, _, address = line.partition(" ")
                odd = [
                    f"{line}/",
                    f"{line}\n",
                    f"{method} /{address}",
                    line.replace("/", "/../", 1),
                ]
                odd += [f"{method.lower()} {address}"]
                if "{id}" in path.pattern:
                    odd += [line.replace(self.named, each, 1) for each in self.misnamed]
                for each in odd:
                    assert not self.wire_format.claims(self.call(each)), each

    def test_every_row_has_its_reason(self) -> None:
        """Nothing is free without saying why, and no row stands there twice."""
        assert all(path.reason for path in self.paths)
        rows = [(path.methods, path.pattern) for path in self.paths]
        assert len(set(rows)) == len(rows)

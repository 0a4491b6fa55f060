"""The stream callable of an answer, and how it lets a stream end."""

from __future__ import annotations

import pytest

from aex_addon.tap import Tap
from providers.edges import SseEdge

ERROR = b"data: error\n\n"


def passing(data: bytes) -> bytes:
    return data


def told(tap: Tap, *pieces: bytes) -> list[bytes]:
    return [chunk for piece in pieces for chunk in tap(piece)]


def test_everything_passes() -> None:
    """Until it is told to stop, each chunk goes on as the tee gives it, and empty ones do not."""
    assert told(Tap(passing, None), b"a", b"", b"b") == [b"a", b"b"]
    assert told(Tap(bytes.upper, SseEdge()), b"a", b"", b"b") == [b"A", b"B"]


def test_between_events_it_stops_at_once() -> None:
    """Nothing of what comes later passes, and the error may follow."""
    tap = Tap(passing, SseEdge())
    told(tap, b"data: 1\n\n")
    assert tap.stop(ERROR, lambda: pytest.fail("it was there already"))
    assert told(tap, b"data: 2\n\n") == []
    assert tap.last_words() == ERROR


def test_a_body_that_ends_by_itself() -> None:
    """It does not look whole where some of it was swallowed."""
    tap = Tap(passing, SseEdge())
    tap.stop(ERROR, lambda: None)
    assert told(tap, b"data: 1\n\n", b"") == [ERROR]
    tap = Tap(passing, None)
    tap.stop(ERROR, lambda: None)
    assert told(tap, b"{", b"") == []


def test_within_an_event_it_waits() -> None:
    """The event passes to its end, and whoever waits is told; the rest is swallowed."""
    tap, reached = Tap(passing, SseEdge()), list[str]()
    told(tap, b"data: ")
    assert not tap.stop(ERROR, lambda: reached.append("edge"))
    assert told(tap, b"1\n") == [b"1\n"]
    assert reached == []
    assert told(tap, b"\ndata: 2\n\n", b"data: 3\n\n") == [b"\n"]
    assert reached == ["edge"]
    assert tap.last_words() == ERROR


def test_an_event_that_is_given_up() -> None:
    """Asked for its last words within an event it has none, and lets nothing more pass."""
    tap = Tap(passing, SseEdge())
    told(tap, b"data: ")
    assert not tap.stop(ERROR, lambda: None)
    assert tap.last_words() is None
    assert told(tap, b"1\n\n") == []


def test_what_has_no_events() -> None:
    """It stops at once, without last words."""
    tap = Tap(passing, None)
    told(tap, b'{"a"')
    assert tap.stop(ERROR, lambda: None)
    assert told(tap, b": 1}") == []
    assert tap.last_words() is None


def test_the_tee_still_hears_what_is_swallowed() -> None:
    """What the provider says after the order is counted, though nobody sees it."""
    heard: list[bytes] = []

    def tee(data: bytes) -> bytes:
        heard.append(data)
        return data

    tap = Tap(tee, SseEdge())
    tap.stop(ERROR, lambda: None)
    told(tap, b"data: usage\n\n")
    assert heard == [b"data: usage\n\n"]


def test_it_is_watched() -> None:
    """After each chunk, by its size as it came; told to stop by the watch, the next is the last."""
    came: list[int] = []

    def watch(size: int) -> None:
        came.append(size)
        if sum(came) > 9:
            assert tap.stop(ERROR, lambda: None)

    tap = Tap(bytes.strip, SseEdge(), watch)
    assert told(tap, b"   ", b"\n", b"", b"\n\n") == []
    assert came == []
    tap = Tap(passing, SseEdge(), watch)
    assert told(tap, b"a: 1\n\n", b"a: 2\n\n", b"a: 3\n\n") == [b"a: 1\n\n", b"a: 2\n\n"]
    assert came == [6, 6]


def test_something_is_said_beside_it() -> None:
    """Between two events at once; within one after its end, before the next, and once."""
    tap = Tap(passing, SseEdge())
    assert tap.beside() == b""
    assert tap.say(ERROR)
    assert (tap.beside(), tap.beside()) == (ERROR, b"")
    told(tap, b"data: ")
    assert tap.say(ERROR)
    assert tap.say(b"data: 2\n\n")
    assert tap.beside() == b""
    assert told(tap, b"1\n") == [b"1\n"]
    assert told(tap, b"\ndata: 3\n\n") == [b"\n" + ERROR + b"data: 2\n\ndata: 3\n\n"]
    assert told(tap, b"data: 4\n\n") == [b"data: 4\n\n"]


def test_where_nothing_can_be_said() -> None:
    """In a body without events, and in a stream that is over."""
    assert not Tap(passing, None).say(ERROR)
    tap = Tap(passing, SseEdge())
    assert tap.say(ERROR)
    tap.stop(ERROR, lambda: None)
    assert (tap.say(ERROR), tap.beside()) == (False, b"")


def test_what_waits_to_be_said_has_an_end() -> None:
    """Whoever goes on asking while a provider holds back half an event is told otherwise."""
    tap = Tap(passing, SseEdge())
    told(tap, b"data: 1")
    event = b"data: " + b"x" * 1000 + b"\n\n"
    said = [tap.say(event) for _ in range(1000)]
    assert said[0]
    assert not said[-1]
    (rest,) = told(tap, b"\n\n")
    assert rest.count(event) == sum(said)
    assert tap.say(event)

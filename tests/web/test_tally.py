"""Ends are counted along the log: exactly, and each event once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.activity import ActivityReader as Reader
from ledger.admin_commands import CreditAgent
from ledger.commands import Recover
from ledger.events import OVERRUN
from ledger.store import Store
from tests.ledger.making import REFUSED, admit, commit, create, open_at, release
from web import along
from web.tally import Ends, Tally

OpenReader = Callable[[], Reader]


def work(store: Store, number: int) -> None:
    """One call of each end, of two agents; one is billed 40 above its reserve of 100."""
    keys = [f"{name}{number}" for name in ("fit", "over", "free", "lost", "no")]
    store.execute([admit(key, "bot") for key in keys[:-1]])
    store.execute(
        [
            commit(keys[0], 100),
            commit(keys[1], 140),
            CreditAgent("bot", 1, "seen", "operator"),
            release(keys[2]),
            Recover(keys[3], "charge"),
            admit(keys[4], "bot", refusal=REFUSED),
            admit(f"zoe{number}", "zoe"),
            commit(f"zoe{number}", 1),
        ]
    )


def expected(times: int) -> dict[str, Ends]:
    """What so much of that work adds up to."""
    bot = Ends(2 * times + times, times, times, times, times, 40 * times)
    return {"bot": bot, "zoe": Ends(committed=times)}


@pytest.mark.parametrize("stretch", [1, 2, 7, 10_000])
def test_sums_are_exact_at_every_look(
    store: Store, open_reader: OpenReader, stretch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever came between two looks, and however it is cut, all of it is counted once."""
    monkeypatch.setattr(along, "STRETCH", stretch)
    store.one(create("zoe"))
    looks = Tally()
    with open_reader() as reader:
        assert looks.ends(reader) == {}
        for done in (1, 2, 3):
            work(store, done)
            found = looks.ends(reader)
            assert found == looks.ends(reader) == Tally().ends(reader) == expected(done)


def test_a_look_reads_only_what_is_new(
    store: Store, open_reader: OpenReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is read from where the look before ended, and nothing where it has not grown."""
    asked: list[tuple[int, int]] = []
    ends = Reader.ends

    def noted(reader: Reader, after: int, upto: int) -> list[tuple[str, str, int, int]]:
        asked.append((after, upto))
        return ends(reader, after, upto)

    monkeypatch.setattr(Reader, "ends", noted)
    store.one(create("zoe"))
    looks = Tally()
    with open_reader() as reader:
        first = reader.head().seq
        looks.ends(reader)
        looks.ends(reader)
        work(store, 1)
        looks.ends(reader)
        assert asked == [(0, first), (first, reader.head().seq)]


def test_looks_at_once_count_once(
    store: Store, open_reader: OpenReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many threads look while calls go on, each event is read by one of them."""
    asked: list[tuple[int, int]] = []
    ends = Reader.ends

    def noted(reader: Reader, after: int, upto: int) -> list[tuple[str, str, int, int]]:
        asked.append((after, upto))
        return ends(reader, after, upto)

    monkeypatch.setattr(Reader, "ends", noted)
    store.one(create("zoe"))
    looks = Tally()

    def look(_number: int) -> None:
        with open_reader() as reader:
            looks.ends(reader)

    with ThreadPoolExecutor(4) as threads:
        looking = threads.map(look, range(60))
        for number in range(20):
            work(store, number)
        assert len(list(looking)) == 60
    with open_reader() as reader:
        assert looks.ends(reader) == expected(20)
        assert asked[0][0] == 0
        assert asked[-1][1] == reader.head().seq
    assert [upto for _, upto in asked[:-1]] == [after for after, _ in asked[1:]]


def test_an_earlier_look_stays_as_it_was(store: Store, open_reader: OpenReader) -> None:
    """What a page is being made of does not change under it."""
    store.one(create("zoe"))
    looks = Tally()
    with open_reader() as reader:
        work(store, 1)
        before = looks.ends(reader)
        work(store, 2)
        looks.ends(reader)
    assert before == expected(1)


def test_another_log_is_counted_anew(store: Store, open_reader: OpenReader, tmp_path: Path) -> None:
    """A log that does not continue the one that was counted, shorter or longer, starts from 0."""
    store.one(create("zoe"))
    work(store, 1)
    looks = Tally()
    with open_reader() as reader:
        looks.ends(reader)
    for folder, times in (("short", 0), ("long", 2)):
        (tmp_path / folder).mkdir()
        other = open_at(tmp_path / folder)
        other.execute([create("bot"), create("zoe")])
        for number in range(times):
            work(other, number)
        with Reader("sqlite:///ledger.db", tmp_path / folder) as reader:
            assert looks.ends(reader) == (expected(times) if times else {})
        other.close()


def test_a_failed_look_counts_nothing_twice(
    store: Store, open_reader: OpenReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that breaks off half-way leaves the sums as they were."""
    monkeypatch.setattr(along, "STRETCH", 3)
    store.one(create("zoe"))
    work(store, 1)
    looks = Tally()
    log = Reader.log

    def broken(reader: Reader, *place: int, kind: str | None = None) -> object:
        if OVERRUN in (kind, *place):
            raise OSError
        return log(reader, *place)

    with open_reader() as reader:
        with monkeypatch.context() as patch:
            patch.setattr(Reader, "log", broken)
            with pytest.raises(OSError):
                looks.ends(reader)
        assert looks.ends(reader) == expected(1)

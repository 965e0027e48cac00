"""Old hours leave the memory, and what still comes for them is never lost."""

from hypothesis import given
from hypothesis import strategies as st

from models.contracts.decisions import Decision
from models.contracts.events import Query
from models.contracts.tables import BEGUN_AGAIN, Outcome, decode_outcome, decode_outcome_key
from models.outcomes import HOUR_MS, outcomes
from streams.store.memory import MemoryRows
from streams.worker.counter import encode
from streams.worker.hours import FRESH_HOURS, Hours
from streams.worker.outcomes import Ledger

BEHIND = 10


def decided(number: int, hour: int) -> Query:
    return Query(
        id=f"q{number}", merchant="m", at=hour * HOUR_MS, received=0, placements=("hero",),
        decisions=(Decision(placement="hero", content="a", reason="prior"),),
    )  # fmt: skip


class Topic:
    """What lies on the topic, and a worker that dies now and then."""

    def __init__(self) -> None:
        self.records: dict[bytes, bytes] = {}
        self.hours = Hours(MemoryRows(), BEHIND)

    def fold(self, first: int, hours: list[int]) -> None:
        ledger = Ledger(self.hours, lambda profile, event: outcomes(profile, event, 3, 24))
        for offset, hour in enumerate(hours, first):
            ledger.contextual(decided(offset, hour), offset)
        changed = ledger.changed()
        self.hours.counted(changed, 3, first + len(hours) - 1)
        self.records |= changed

    def restart(self) -> None:
        rows = MemoryRows()
        rows.put(self.records)
        self.hours = Hours(rows, BEHIND)

    def sums(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for raw, value in self.records.items():
            hour = decode_outcome_key(raw).hour
            found[hour] = found.get(hour, 0) + decode_outcome(value).decisions
        return found


def test_an_old_hour_is_forgotten_once_it_cannot_come_again() -> None:
    topic = Topic()
    topic.fold(0, [100])
    topic.fold(1, [101 + FRESH_HOURS])
    assert topic.hours.rows.size().rows == 2  # the first may still be repeated after a crash
    for offset in range(2, 20):
        topic.fold(offset, [100 + FRESH_HOURS + offset])
    assert {decode_outcome_key(raw).hour for raw in topic.hours.rows} == set(
        range(101 + FRESH_HOURS, 120 + FRESH_HOURS)
    )


def test_what_comes_for_a_forgotten_hour_counts_in_a_record_of_its_own() -> None:
    topic = Topic()
    topic.fold(0, [100, 100])
    topic.fold(2, [200] * 20)
    topic.restart()
    topic.fold(22, [100])
    topic.fold(23, [100])
    topic.restart()
    topic.fold(23, [100, 100])
    assert topic.sums() == {100: 5, 200: 20}
    assert {decode_outcome_key(raw).partition % BEGUN_AGAIN for raw in topic.records} == {3}


@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 200), min_size=1, max_size=4), st.booleans(), st.booleans()), max_size=40
    )
)
def test_nothing_is_lost_or_counted_twice_however_late_it_comes(
    chunks: list[tuple[list[int], bool, bool]],
) -> None:
    topic, offset, wanted = Topic(), 0, dict[int, int]()
    for hours, again, dies in chunks:
        for hour in hours:
            wanted[hour] = wanted.get(hour, 0) + 1
        topic.fold(offset, hours)
        if dies:
            topic.restart()
        if again:
            topic.fold(offset, hours)  # as after a crash before the commit
        offset += len(hours)
    assert topic.sums() == wanted


@given(
    st.lists(
        st.tuples(st.lists(st.integers(100, 104), min_size=1, max_size=6), st.sampled_from(["put", "lost", "other"]))
    )
)
def test_a_counter_that_is_kept_is_the_one_in_the_table(chunks: list[tuple[list[int], str]]) -> None:
    """Whatever became of the chunk before: its rows were put, went with the process's partition, or another's were read."""
    tables = MemoryRows(), MemoryRows()
    kept, read = (Hours(rows, BEHIND) for rows in tables)
    offset = 0
    for hours, end in chunks:
        found = []
        for each in (kept, read):
            ledger = Ledger(each, lambda profile, event: outcomes(profile, event, 3, 24), repeats=False)
            for place, hour in enumerate(hours, offset):
                ledger.contextual(decided(place, hour), place)
            found.append(ledger.changed())
            if end != "lost":
                each.counted(found[-1], 3, offset + len(hours) - 1)
            if end == "other":
                each.rows.put(dict.fromkeys(found[-1], encode(Outcome(decisions=7, folded=offset))))
        read.held.clear()
        assert found[0] == found[1]
        offset += len(hours)
    assert tables[0] == tables[1]

"""Rebuilds the profiles partition by partition, compares them with the live ones, and brings the rebuilt ones in."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct, field

from models.contracts.erasures import Erasures
from models.contracts.profile import Profile, decode_profile
from models.contracts.topics import EVENTS, JOINS
from streams.rebuild.comparing import Report, differences
from streams.rebuild.log import Log
from streams.rebuild.shadow import Live, Plan, Shadow
from streams.rebuild.snapshot import Snapshot

Over = Callable[[Profile], bool]
"""Whether a profile's time is over: the sweeper drops it, and on which day is no difference."""


class Partition(Struct):
    """Both sides of one, as of now; `refresh` brings them on. `different` are the rebuilt rows that may be brought in, by
    key with the marks of both sides; `moving` the keys of which one side has folded more."""

    log: Log
    number: int
    shadow: Shadow
    over: Over
    live: Live = field(default_factory=Live)
    different: dict[bytes, tuple[dict[str, int], bytes]] = field(default_factory=dict)
    moving: set[bytes] = field(default_factory=set)

    def refresh(self) -> None:
        """Reads what is live now, and folds exactly so far."""
        self.live.catch_up(self.log, self.number)
        until = self.live.marks()
        for topic in (EVENTS, JOINS):
            committed = self.log.committed(topic).get(self.number, 0)
            until[topic.name] = max(until.get(topic.name, -1), committed - 1)
        self.shadow.fold(until)

    def compare(self, keys: Iterable[bytes] | None = None) -> Report:
        """These keys, or all; fills `different` and `moving` anew."""
        report, live, rebuilt = Report(), self.live.rows, self.shadow.rows
        self.different.clear()
        self.moving.clear()
        for key in live.keys() | rebuilt.keys() if keys is None else keys:
            mine, theirs = live.get(key), rebuilt.get(key)
            if mine == theirs:
                report.same += mine is not None
            elif theirs is None:
                report.only_live += 1
            else:
                self._compare(report, key, mine, theirs)
        return report

    def _compare(self, report: Report, key: bytes, mine: bytes | None, theirs: bytes) -> None:
        rebuilt = decode_profile(theirs)
        if mine is None:
            if not self.over(rebuilt):
                report.only_rebuilt += 1
                self.different[key] = {}, theirs
            return
        held = decode_profile(mine)
        if held.marks != rebuilt.marks:
            report.moving += 1
            self.moving.add(key)
        elif found := differences(held, rebuilt):
            report.note(found)
            self.different[key] = rebuilt.marks, theirs
        else:
            report.same += 1


def partition(
    log: Log, snapshot: Snapshot, plan: Plan, number: int, known: Erasures, over: Over, now: int
) -> Partition:
    """One partition, rebuilt to where it is live. `now` in ms."""
    shadow = Shadow(log, number, snapshot.about.partitions, known, now)
    shadow.load(snapshot, plan)
    made = Partition(log, number, shadow, over)
    made.refresh()
    return made

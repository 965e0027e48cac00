"""What one chunk of events does: profiles, assignments, outcomes and rejects out, nothing else touched. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

import msgspec

from models.contracts.errors import UNREADABLE, PoisonError
from models.contracts.events import Event, Identify, Query, decode_event
from models.contracts.ids import KNOWN
from models.contracts.joins import Joined, encode_join
from models.contracts.profile import SCHEMA, Profile, decode_profile, encode_assignment, encode_profile
from models.features.fold import begin, fold
from models.features.marks import Guard
from models.features.shown import remember_all
from models.outcomes import Delta
from models.segmentation.assign import Segmenter, reassign_all
from streams.store.base import Lookup
from streams.worker.assigning import own_assignment
from streams.worker.folded import Folded, Record, Source
from streams.worker.lean import LeanQuery
from streams.worker.outcomes import Ledger
from streams.worker.passing import first_identify, hand_over, pass_on
from streams.worker.placing import misplaced
from streams.worker.poison import read_event, reject, without_values
from streams.worker.quality import LimitsOf, disagreement, standard

FAULTS: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, msgspec.MsgspecError)
"""What a fold may raise on an event that nobody foresaw. The event is then put aside, and the customer goes on."""


RESERVED: Final = f"/{KNOWN}".encode()

Entry = tuple[Record, Event]
SegmenterOf = Callable[[str], Segmenter | None]


def nobody(customer: bytes) -> bool:
    """Where nobody was erased."""
    del customer
    return False


class UnfoldableError(Exception):
    def __init__(self, record: Record, fault: Exception) -> None:
        super().__init__()
        self.record = record
        self.fault = type(fault).__name__


class Chunk:
    """One run of records of one partition, against the profiles (encoded, by key) that were there before."""

    def __init__(
        self,
        source: Source,
        stored: Lookup,
        ledger: Ledger,
        segmenter_of: SegmenterOf,
        now: int,
        erased: Callable[[bytes], bool] = nobody,
        limits_of: LimitsOf = standard,
    ) -> None:
        self._source = source
        self._stored = stored
        self._ledger = ledger
        self._segmenter_of = segmenter_of
        self._now = now
        self._erased = erased
        self._limits_of = limits_of
        self._out = Folded(source)
        self._identified: set[bytes] = set()
        self._keys: Collection[bytes] = ()
        self._misplaced: set[bytes] | None = None
        self._changed: dict[bytes, tuple[Profile, bool]] = {}

    def fold(self, records: Iterable[Record]) -> Folded:
        """Folds customer by customer: a profile is decoded and encoded once, however many events it gets, and an event is
        gone when the next customer's are read."""
        by_key: dict[bytes | None, list[Record]] = {}
        for record in records:
            key = record.key
            if (alike := by_key.get(key)) is None:
                by_key[key] = [record]
            else:
                alike.append(record)
        self._keys = [key for key in by_key if key is not None]
        for key, alike in by_key.items():
            entries = self._read(key, alike)
            if entries and key is not None:
                self._customer(key, entries)
        self._write_all()
        self._out.outcomes = self._ledger.changed()
        return self._out

    def _read(self, key: bytes | None, records: Iterable[Record]) -> list[Entry]:
        """Those that are events of a customer."""
        entries: list[Entry] = []
        like: Event | None = None
        for record in records:
            try:
                event = read_event(key, record.value, like)
            except PoisonError as poison:
                self._reject(record, str(poison))
                continue
            if isinstance(event, Query):
                if event.bot:
                    self._out.count("bot")
                    continue
            elif isinstance(event, Identify) and event.proven and key is not None:
                self._identified.add(key)
            if event.customer is None:
                self._out.count("contextual" if self._ledger.contextual(event, record.offset) else "replayed")
            else:
                entries.append((record, event))
                like = event
        return entries

    def _is_here(self, key: bytes, entries: Iterable[tuple[Record, object]]) -> bool:
        """Whether the key lies in this partition."""
        if self._misplaced is None:  # a chunk of customers who are all known asks for none
            self._misplaced = misplaced(self._keys, self._source.partition, self._source.partitions)
        if key not in self._misplaced:
            return True
        for record, _ in entries:
            self._reject(record, "the key belongs to another partition: produce with the murmur2 partitioner")
        return False

    def _customer(self, key: bytes, entries: list[Entry]) -> None:
        if RESERVED in key:
            for record, _ in entries:
                self._reject(record, "a customer id that begins with k: is only made by joining")
            return
        try:
            before = self._profile(key)
        except PoisonError as poison:
            for record, _ in entries:
                self._reject(record, str(poison))
            return
        if before is None and not self._is_here(key, entries):
            return
        if before is None and self._erased(key):
            self._out.count("erased", len(entries))
            return
        if before is not None and before.joined is not None:
            self._pass_on(before, key, entries)
            return
        again = self._repeats(before, entries[0][0])  # asked before `before` is folded into
        if key in self._identified and (place := self._joins_at(before, entries)) is not None:
            self._join(before, key, entries[: place + 1], entries[place + 1 :], again)
        else:
            self._keep(before, key, self._fold_all(before, entries, key), again)

    def _keep(self, before: Profile | None, key: bytes, profile: Profile | None, again: bool) -> None:
        """`profile`: None where nothing was new."""
        if profile is not None:
            self._write(key, profile, again)
        elif again and before is not None:
            self._say_again(key, before)

    def _repeats(self, before: Profile | None, first: Record) -> bool:
        """Whether a crash lies between the profile and this chunk: it may have kept the assignment from its topic."""
        return before is not None and first.offset <= before.marks.get(self._source.topic, -1)

    def _say_again(self, key: bytes, profile: Profile) -> None:
        if profile.moves:
            self._out.assignments[key] = own_assignment(profile, profile.changes[-1].at, profile.received)

    def _write(self, key: bytes, profile: Profile, again: bool) -> None:
        """With all others, at the end of the chunk. `again`: its assignment is said even where it is what it was."""
        self._changed[key] = profile, again

    def _write_all(self) -> None:
        merchants: dict[str, list[bytes]] = {}
        for key, (profile, _) in self._changed.items():
            merchants.setdefault(profile.merchant, []).append(key)
        for merchant, keys in merchants.items():
            segmenter = self._segmenter_of(merchant)
            if segmenter is not None:
                assignments = reassign_all([self._changed[key][0] for key in keys], segmenter)
                for key, assignment in zip(keys, assignments, strict=True):
                    if assignment is not None:
                        self._out.assignments[key] = encode_assignment(assignment)
        for key, (profile, again) in self._changed.items():
            self._out.profiles[key] = encode_profile(profile)
            if again and key not in self._out.assignments:
                self._say_again(key, profile)

    def _joins_at(self, before: Profile | None, entries: list[Entry]) -> int | None:
        topic = self._source.topic
        return first_identify(before, [(record.offset, event) for record, event in entries], topic, self._erased)

    def _join(self, before: Profile | None, key: bytes, until: list[Entry], rest: list[Entry], again: bool) -> None:
        """Folds up to the identify event, hands over what that makes, and passes on the rest. Cut at that very event, so
        that a repetition after a crash hands over the same."""
        profile = self._fold_all(before, until, key)
        offset = until[-1][0].offset
        if profile is None or profile.marks.get(self._source.topic) != offset:
            for record, _ in rest:
                self._reject(record, "it came behind an identify event that could not be folded")
            self._keep(before, key, profile, again)
            return
        pointer, (known, content) = hand_over(profile, offset)
        self._out.joins.append((known, encode_join(content)))
        self._out.handed.add(key)
        self._pass_on(pointer, key, rest)
        self._out.profiles[key] = encode_profile(pointer)

    def _pass_on(self, pointer: Profile, key: bytes, entries: list[Entry]) -> None:
        sent = rejected = 0
        for record, _ in entries:
            try:
                event = decode_event(record.value or b"")  # whole: what was read for folding lacks half of a decision
            except UNREADABLE as error:
                self._reject(record, without_values(error))
                rejected += 1
                continue
            addressed = pass_on(pointer, record.offset, event, self._source.topic, self._erased)
            self._out.joins.extend((known, encode_join(join)) for known, join in addressed)
            if any(isinstance(join, Joined) for _, join in addressed):
                self._out.handed.add(key)
            sent += bool(addressed)
        self._out.count("passed", sent)
        self._out.count("replayed", len(entries) - sent - rejected)
        if sent:
            self._out.profiles[key] = encode_profile(pointer)

    def _profile(self, key: bytes) -> Profile | None:
        stored = self._stored.get(key)
        if stored is None:
            return None
        try:
            profile = decode_profile(stored)
        except UNREADABLE as error:
            raise PoisonError("the customer's profile cannot be read") from error
        if profile.v > SCHEMA:
            raise PoisonError(f"the customer's profile has schema version {profile.v}; this worker writes {SCHEMA}")
        return profile

    def _fold_all(self, profile: Profile | None, entries: list[Entry], key: bytes) -> Profile | None:
        """The profile with the entries in it; None where nothing of them was new."""
        while True:
            try:
                return self._attempt(profile, entries)
            except UnfoldableError as bad:
                self._reject(bad.record, f"folding raised {bad.fault}")
                # It may have half changed the profile: begin again from what is stored, without this event.
                entries = [entry for entry in entries if entry[0] is not bad.record]
                profile = self._profile(key)

    def _attempt(self, before: Profile | None, entries: list[Entry]) -> Profile | None:
        if not entries:
            return None
        profile = begin(entries[0][1]) if before is None else before
        take = Guard(profile, self._source.topic).take
        queries: list[tuple[Record, LeanQuery]] = []
        others: list[tuple[Sequence[Delta], int]] = []
        later: list[Query] = []  # whose decisions are written into the profile when it is looked at, or at the end
        replayed = 0
        for entry in entries:
            record, event = entry
            offset = record.offset
            try:
                if (known := take(event, offset)) is not None:
                    replayed += known == "replayed"
                    continue
                if isinstance(event, LeanQuery):
                    if event.session != profile.session:
                        self._compare(profile, event)
                    queries.append((record, event))
                else:
                    remember_all(profile, later)
                    others.append((self._ledger.of(profile, event), offset))
                fold(profile, event, later)
            except FAULTS as fault:
                raise UnfoldableError(record, fault) from fault
        try:
            remember_all(profile, later)
        except FAULTS as fault:
            raise UnfoldableError(entries[-1][0], fault) from fault
        # Only now that all could be folded: none is counted that is put aside.
        if queries:
            self._ledger.decided(queries)
        for deltas, offset in others:
            self._ledger.add(deltas, offset)
        done = len(queries) + len(others)
        self._out.count("folded", done)
        self._out.count("replayed", replayed)
        if done + replayed < len(entries):
            self._out.count("doubled", len(entries) - done - replayed)
        return profile if done else None

    def _compare(self, profile: Profile, query: Query) -> None:
        if query.session is not None and (what := disagreement(profile, query, self._limits_of(query.merchant))):
            self._out.sessions[what] = self._out.sessions.get(what, 0) + 1

    def _reject(self, record: Record, reason: str) -> None:
        self._out.rejected.append(
            reject(
                self._source.topic, self._source.partition, record.offset, record.key, record.value, reason, self._now
            )
        )
        self._out.count("rejected")

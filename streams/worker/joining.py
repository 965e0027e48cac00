"""What one chunk of `joins` does to known customers. The worker that owns a known customer's partition is the only writer
of its profile, of its assignment and of its members'."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from models.contracts.errors import PoisonError
from models.contracts.ids import KNOWN, is_id, split_key
from models.contracts.joins import SCHEMA, Join, Joined, Left, Passed, Replaced, content_of, decode_join
from models.contracts.profile import Membership, Profile, encode_profile
from models.features.fold import fold
from models.features.marks import remember
from models.features.merge import enter, known_profile, merge, note_source, taken
from models.segmentation.assign import reassign
from streams.worker.assigning import of_members, own_assignment
from streams.worker.chunk import FAULTS, Chunk, UnfoldableError
from streams.worker.folded import Folded, Record
from streams.worker.poison import without_values
from streams.worker.replacing import replaced

MAX_JOIN_BYTES: Final = 1024 * 1024
"""An event of at most 256 KB, or a profile: some KB."""

NOBODY: Final = Membership()
HEARTBEAT: Final = b"~/heartbeat"
"""Key of a tombstone of nobody: ``~`` is in no id."""
Entry = tuple[Record, Join]


def read_join(key: bytes | None, value: bytes | None) -> Join:
    """The join in a record.

    Raises:
        PoisonError: with a reason that names fields and never their values.
    """
    if key is None or value is None:
        raise PoisonError("the record has no key or no value")
    if len(value) > MAX_JOIN_BYTES:
        raise PoisonError(f"{len(value)} bytes; a join has at most {MAX_JOIN_BYTES}")
    try:
        join: Join = decode_join(value)
        merchant, known = split_key(key)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise PoisonError(f"no join: {without_values(error)}") from error
    if not 1 <= join.v <= SCHEMA:
        raise PoisonError(f"schema version {join.v}; this worker reads 1 to {SCHEMA}")
    if isinstance(join, Replaced):
        if join.customer != known:
            raise PoisonError("the key contradicts the customer")
        return join
    if not (known.startswith(KNOWN) and is_id(join.customer)):
        raise PoisonError("the key is no known customer's, or the customer is no id")
    if isinstance(join, Passed) and (join.event.merchant, join.event.customer) != (merchant, join.customer):
        raise PoisonError("the key contradicts the event")
    return join


class JoinChunk(Chunk):
    """One run of records of one partition of `joins`, against the profiles that were there before."""

    def fold(self, records: Iterable[Record]) -> Folded:
        """Known customer by known customer."""
        customers: dict[bytes, list[Entry]] = {}
        for record in records:
            if record.key == HEARTBEAT:
                continue
            try:
                join = read_join(record.key, record.value)
            except PoisonError as poison:
                self._reject(record, str(poison))
                continue
            customers.setdefault(record.key or b"", []).append((record, join))
        self._keys = customers.keys()
        for key, entries in customers.items():
            if self._is_here(key, entries):
                self._known(key, entries)
        self._out.outcomes = self._ledger.changed()
        return self._out

    def _known(self, key: bytes, entries: list[Entry]) -> None:
        try:
            before = self._profile(key)
        except PoisonError as poison:
            for record, _ in entries:
                self._reject(record, str(poison))
            return
        if before is None and self._erased(key):
            self._out.count("erased", len(entries))
            return
        again, was = self._repeats(before, entries[0][0]), NOBODY if before is None else before.membership
        while True:
            entered: set[str] = set()
            try:
                profile = self._take(before, key, entries, entered)
                break
            except UnfoldableError as bad:
                self._reject(bad.record, f"joining raised {bad.fault}")
                entries = [entry for entry in entries if entry[0] is not bad.record]
                before = self._profile(key)
        if profile is not None:
            segmenter = self._segmenter_of(profile.merchant)
            if segmenter is not None and profile.joined is None:
                reassign(profile, segmenter, profile.last)
            self._out.profiles[key] = encode_profile(profile)
        if (now := profile or before) is not None:
            self._say(key, now, entered, all_of_them=again or now.membership != was)

    def _say(self, key: bytes, profile: Profile, entered: set[str], *, all_of_them: bool) -> None:
        """Its assignment and its members': all where it changed or a crash may have kept them, else of who came."""
        if all_of_them and (profile.moves or profile.membership != NOBODY):
            at = profile.changes[-1].at if profile.moves else profile.last
            self._out.assignments[key] = own_assignment(profile, at, profile.received)
        members = [member for member in profile.members if all_of_them or member in entered]
        self._out.elsewhere.update(of_members(profile, members, profile.last, profile.received))

    def _take(self, profile: Profile | None, key: bytes, entries: list[Entry], entered: set[str]) -> Profile | None:
        """The profile with the entries in it, None where all were repetitions. Notes in `entered` whose assignment is to be said."""
        topic, counted, done = self._source.topic, [], 0
        for record, join in entries:
            if isinstance(join, Replaced):
                if record.offset > _mark(profile, topic):
                    try:
                        profile = replaced(profile, join)
                    except FAULTS as fault:
                        raise UnfoldableError(record, fault) from fault
                    if profile is not None:
                        profile.marks[topic] = record.offset
                        entered.update(profile.members)
                        done += 1
                continue
            if taken(profile, join.customer, join.offset) or record.offset <= _mark(profile, topic):
                if isinstance(join, Joined) and profile is not None and join.customer in profile.members:
                    entered.add(join.customer)  # his worker died meanwhile, and may have assigned him itself since
                continue
            try:
                if isinstance(join, Passed):
                    profile = profile or _begun(key, join.event.at)
                    counted.append((self._ledger.of(profile, join.event), record.offset))
                profile = _with(profile, key, join, entered)
                profile.marks[topic] = record.offset
            except FAULTS as fault:
                raise UnfoldableError(record, fault) from fault
            done += 1
        for deltas, offset in counted:
            self._ledger.add(deltas, offset)
        self._out.count("joined", done)
        self._out.count("replayed", len(entries) - done)
        return profile if done else None


def _mark(profile: Profile | None, topic: str) -> int:
    return -1 if profile is None else profile.marks.get(topic, -1)


def _begun(key: bytes, at: int) -> Profile:
    merchant, known = split_key(key)
    return known_profile(merchant, known, known.removeprefix(KNOWN), at)


def _with(profile: Profile | None, key: bytes, join: Join, entered: set[str]) -> Profile:
    if isinstance(join, Joined):
        content = content_of(join)
        profile = merge(profile or _begun(key, content.first), content)
    elif isinstance(join, Passed):
        profile = fold(profile, join.event)
        remember(profile, join.event.id)
    else:
        profile = profile or _begun(key, 0)
    if isinstance(join, Left):
        profile.members = [member for member in profile.members if member != join.customer]
        entered.discard(join.customer)
    elif enter(profile, join.customer) or isinstance(join, Joined):  # one of long ago may come again as somebody new
        entered.add(join.customer)
    note_source(profile, join.customer, join.offset)
    return profile

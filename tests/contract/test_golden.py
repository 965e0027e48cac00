"""Records as they were once written, one file a record. A file is never changed: what it says must be read for ever.

When a contract grows, add a file beside the old one (``profile.2.json``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from models.contracts import (
    access,
    contents,
    erasures,
    events,
    joins,
    profile,
    profile_v1,
    rejected,
    segments,
    tables,
    topics,
    wire,
)

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))

RECORDS: dict[str, Any] = {
    "access_key": access.AccessKey,
    "assignment": profile.Assignment,
    "catalogue": contents.CatalogueRecord,
    "content_table": tables.ContentTable,
    "erasure": erasures.ErasureRecord,
    "event": events.Event,
    "join": joins.Join,
    "live_model": segments.LiveModel,
    "live_publication": contents.LivePublication,
    "outcome": tables.Outcome,
    "outcome_key": tables.OutcomeKey,
    "profile": profile_v1.Profile,
    "publication": contents.Publication,
    "rejected": rejected.Rejected,
    "segment_model": segments.SegmentModel,
    "wire_client_event": wire.ClientEvent,
    "wire_events_answer": wire.EventsAnswer,
    "wire_events_request": wire.EventsRequest,
    "wire_problem": wire.Problem,
    "wire_query_answer": wire.QueryAnswer,
    "wire_query_request": wire.QueryRequest,
}
UNWRITTEN = {"ErasureProof", "hash-chained action", "part bytes", "raw bytes + reason"}
"""Values of topics that have no contract yet, or are not a record of their own."""


def kind_of(path: Path) -> Any:
    """By the longest name that the file begins with."""
    return RECORDS[max((name for name in RECORDS if path.name.startswith(name)), key=len)]


def read(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes(), type=kind_of(path))


def plain(record: Any) -> Any:
    """The record as a reader in another language has it."""
    return json.loads(msgspec.json.encode(record))


def holds(now: Any, then: Any) -> bool:
    """Whether everything that was written then is still there; fields may have been added."""
    if isinstance(then, dict):
        return isinstance(now, dict) and all(key in now and holds(now[key], value) for key, value in then.items())
    if isinstance(then, list):
        return isinstance(now, list) and len(now) >= len(then) and all(map(holds, now, then))
    return bool(now == then)


every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@every_file
def test_an_old_record_is_read_and_nothing_of_it_is_lost(path: Path) -> None:
    then = json.loads(path.read_bytes())
    assert holds(plain(read(path)), then)


@every_file
def test_what_is_read_is_written_so_that_it_reads_the_same(path: Path) -> None:
    record = read(path)
    assert plain(msgspec.json.decode(msgspec.json.encode(record), type=kind_of(path))) == plain(record)


@every_file
def test_a_field_of_a_later_version_is_ignored(path: Path) -> None:
    then = json.loads(path.read_bytes())
    if isinstance(then, dict):
        then["a_field_of_tomorrow"] = {"anything": [1]}
        assert plain(msgspec.json.decode(json.dumps(then), type=kind_of(path))) == plain(read(path))
    else:
        assert msgspec.json.decode(json.dumps([*then, "tomorrow"]), type=kind_of(path)) == read(path)


def test_every_kind_of_record_has_a_golden_one() -> None:
    assert {id(kind_of(path)) for path in FILES} == {id(kind) for kind in RECORDS.values()}
    tags = {json.loads(path.read_bytes())["type"] for path in GOLDEN.glob("event_*.json")}
    assert tags == set(events.EVENT_TYPES)
    kinds = {json.loads(path.read_bytes())["item"]["kind"] for path in GOLDEN.glob("catalogue_*.json")}
    assert kinds == {item.__struct_config__.tag for item in get_args(contents.CatalogueItem)}


def test_every_topic_carries_records_that_are_golden() -> None:
    values = {name for topic in topics.TOPICS for name in topic.value.split(", ")} - UNWRITTEN
    golden = {getattr(kind, "__name__", name.capitalize()) for name, kind in RECORDS.items()}
    assert values <= golden


def test_the_golden_records_fill_every_field_of_what_they_show() -> None:
    """A field that no golden record fills could change its meaning unseen."""
    records = (
        profile.decode_profile((GOLDEN / "profile.2.steps.msgpack").read_bytes()),
        read(GOLDEN / "event_query.capped.json").decisions[0],
        read(GOLDEN / "segment_model.json"),
        read(GOLDEN / "content_table.json"),
        read(GOLDEN / "catalogue_association.json").item,
        read(GOLDEN / "catalogue_image.json").item,
    )
    for record in records:
        for field in msgspec.structs.fields(record):
            if field.name not in ("v", "arm"):
                default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
                assert getattr(record, field.name) != default, f"{type(record).__name__}.{field.name}"


def test_a_profile_of_every_version_reads_as_the_same_profile() -> None:
    first = profile.decode_profile((GOLDEN / "profile.1.products.json").read_bytes())
    second = profile.decode_profile((GOLDEN / "profile.2.msgpack").read_bytes())
    assert first == second
    assert (first.v, second.v) == (profile.SCHEMA, 2)
    assert profile.decode_marks((GOLDEN / "profile.1.products.json").read_bytes()) == {"events": 1234}
    assert profile.decode_marks((GOLDEN / "profile.2.msgpack").read_bytes()) == {"events": 1234}
    for name in ("profile.1.products.json", "profile.2.msgpack"):
        assert profile.decode_received((GOLDEN / name).read_bytes()) == first.received


def test_what_a_profile_says_is_what_version_1_said() -> None:
    then = json.loads((GOLDEN / "profile.1.products.json").read_bytes())
    now = profile.decode_profile((GOLDEN / "profile.2.msgpack").read_bytes())
    same = [name for name in then if name not in ("families", "shown", "changes", "recent")]
    found = {name: plain(getattr(now, name)) for name in same}
    assert found.pop("earlier") == [[*past, profile.UNCOUNTED] for past in then.pop("earlier")]
    assert found == {name: then[name] for name in same if name in then}
    assert plain(now.changes) == then["changes"]
    assert [
        [s.id, s.placement, s.content, s.arm, s.segment, s.context_segment, s.at, s.impression, s.click]
        for s in now.shown
    ] == then["shown"]
    products = {name: [one.total, 0.0, 0.0, one.d14] for name, one in now.products.items()}
    assert plain(now.families) | {"product": products} == then["families"]
    assert plain(now.recent) == then["recent"]


def test_a_profile_of_version_2_is_written_as_it_is_read() -> None:
    written = (GOLDEN / "profile.2.steps.msgpack").read_bytes()
    assert profile.encode_profile(profile.decode_profile(written)) == written


def test_a_profile_from_before_steps_were_counted_is_the_same_but_for_them() -> None:
    before = profile.decode_profile((GOLDEN / "profile.2.joined.msgpack").read_bytes())
    now = profile.decode_profile((GOLDEN / "profile.2.steps.msgpack").read_bytes())
    assert before.session_steps == profile.UNCOUNTED == before.earlier[0].steps
    before.session_steps = now.session_steps
    for past, counted in zip(before.earlier, now.earlier, strict=True):
        past.steps = counted.steps
    assert before == now


def test_a_profile_of_tomorrow_has_fields_at_the_end_that_are_ignored() -> None:
    written = (GOLDEN / "profile.2.steps.msgpack").read_bytes()
    fields = msgspec.msgpack.decode(written)
    longer = msgspec.msgpack.encode([*fields, {"anything": [1]}])
    assert profile.decode_profile(longer) == profile.decode_profile(written)
    assert profile.decode_marks(longer) == {"events": 1234}

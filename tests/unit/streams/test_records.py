"""The transport's unpacking beside aiokafka's own, on the same bytes."""

from itertools import chain
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from streams.transport.records import CRC_AT, BatchRecords, Fetched, Whole

WHOLE = Whole(frozenset({"events"}))
STOCK = BatchRecords.__mro__[1]  # another test may have put ours in its place

Record = tuple[bytes | None, bytes | None]
records = st.lists(
    st.tuples(st.none() | st.binary(max_size=9), st.none() | st.binary(max_size=30)), min_size=1, max_size=9
)
batches = st.lists(st.tuples(st.integers(0, 5), records), min_size=1, max_size=5)
"""Each with the hole before it that compaction left."""


def written(runs: list[tuple[int, list[Record]]]) -> tuple[bytes, int]:
    """As a broker answers, and the offset after the last record."""
    raw, offset = b"", 0
    for hole, run in runs:
        offset += hole
        builder = DefaultRecordBatchBuilder(
            magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
            batch_size=1 << 20,
        )  # fmt: skip
        for place, (key, value) in enumerate(run):
            builder.append(place, 1_000 + place, key, value, [])
        batch = bytearray(builder.build())
        batch[:8] = offset.to_bytes(8, "big")  # the checksum does not cover it
        raw += batch
        offset += len(run)
    return bytes(raw), offset


def unpacked(kind: Any, raw: bytes, topic: str, after: int, deserializer: Whole | None) -> tuple[list[Any], int]:
    found = kind(TopicPartition(topic, 0), Fetched(raw), [], after, deserializer, None, True, 0)
    return list(found), found.next_fetch_offset


def plain(found: list[Any]) -> list[tuple[int, int, bytes | None, bytes | None]]:
    return [(each.offset, each.timestamp, each.key, each.value) for each in found]


@given(batches, st.data())
def test_whole_batches_hold_the_records_that_aiokafka_finds(
    runs: list[tuple[int, list[Record]]], data: st.DataObject
) -> None:
    raw, end = written(runs)
    after = data.draw(st.integers(0, end - 1))
    stock, stock_next = unpacked(STOCK, raw, "events", after, None)
    whole, whole_next = unpacked(BatchRecords, raw, "events", after, WHOLE)
    assert plain(list(chain.from_iterable(whole))) == plain(stock)
    assert whole_next == stock_next
    assert all(whole), "no empty batch is handed out"


@given(batches)
def test_every_other_topic_and_consumer_is_served_as_before(runs: list[tuple[int, list[Record]]]) -> None:
    raw, _ = written(runs)
    stock, _ = unpacked(STOCK, raw, "other", 0, None)
    assert unpacked(BatchRecords, raw, "other", 0, WHOLE)[0] == stock
    assert unpacked(BatchRecords, raw, "events", 0, None)[0] == unpacked(STOCK, raw, "events", 0, None)[0]


@given(batches, st.data())
def test_a_damaged_batch_is_refused(runs: list[tuple[int, list[Record]]], data: st.DataObject) -> None:
    raw, _ = written(runs)
    batch = data.draw(st.integers(0, len(runs) - 1))
    start = len(written(runs[:batch])[0]) if batch else 0
    end = len(written(runs[: batch + 1])[0])
    place = data.draw(st.integers(start + CRC_AT, end - 1))
    damaged = raw[:place] + bytes([raw[place] ^ data.draw(st.integers(1, 255))]) + raw[place + 1 :]
    with pytest.raises(CorruptRecordException):
        unpacked(BatchRecords, damaged, "events", 0, WHOLE)

"""How aiokafka unpacks what it fetched, for chunk topics: a batch at a time and as its C reader has it.

aiokafka makes a Python object of eleven fields of every record, in a Python loop; a chunk needs key, value and offset.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException


class Whole:
    """Given to a consumer as its key deserializer (a key stays what it is), it says which topics come in batches. It is
    the one thing that reaches aiokafka's unpacking and belongs to one consumer alone."""

    def __init__(self, topics: frozenset[str]) -> None:
        self.topics = topics

    def __call__(self, key: bytes | None) -> bytes | None:
        return key


class BatchRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """Yields lists of records for the topics of its consumer's `Whole`, and is aiokafka's own for everything else."""

    def _unpack_records(self) -> Iterator[Any]:
        whole = self._key_deserializer
        if isinstance(whole, Whole) and self._tp.topic in whole.topics:
            return self._batches()
        records: Iterator[Any] = super()._unpack_records()
        return records

    def _batches(self) -> Iterator[list[Any]]:
        """As aiokafka's loop without transactions: nobody writes these topics in any."""
        while self._records.has_next():
            batch = self._records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {self._tp}")
            if batch.is_control_batch:
                self.next_fetch_offset = batch.next_offset
                continue
            after = self.next_fetch_offset
            # A fetch begins with the batch that the asked offset lies in, and a compacted batch has holes.
            records = (
                [record for record in batch if record.offset >= after] if batch.base_offset < after else list(batch)
            )
            self.next_fetch_offset = batch.next_offset
            if records:
                yield records


def install() -> None:
    """From now on aiokafka's consumers unpack with BatchRecords, which differs only for those that were given a Whole."""
    fetcher.PartitionRecords = BatchRecords

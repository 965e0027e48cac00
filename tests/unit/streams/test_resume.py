"""Stock Faust hands partitions back to its fetcher before the seek to the committed offsets is over. Here the fetcher, the end
of a recovery and both consumers are the real ones; only Kafka is a list of offsets."""

import asyncio
from dataclasses import dataclass
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.transport.consumer import ChunkConsumer, SafeResume

EVENTS = TP("events", 0)
END, COMMITTED, OLD_PLACE, FIRST = 40, 10, 25, 3


@dataclass
class Record:
    offset: int
    topic: str = EVENTS.topic
    partition: int = EVENTS.partition
    timestamp: int = 0
    timestamp_type: int = 0
    headers: tuple[Any, ...] = ()
    key: bytes | None = None
    value: bytes = b"{}"
    checksum: int | None = None
    serialized_key_size: int = 0
    serialized_value_size: int = 2


class Kafka:
    """The thread that a Faust consumer asks: it stands at OLD_PLACE, and COMMITTED is what the group has done."""

    def __init__(self) -> None:
        self.place = OLD_PLACE

    async def getmany(self, active: set[TP] | None, timeout: float) -> dict[TP, list[Record]]:  # noqa: ASYNC109  # Faust's
        del timeout
        asked = set(active or ())
        await asyncio.sleep(0)
        if EVENTS not in asked or self.place >= END:
            return {}
        first, self.place = self.place, min(END, self.place + 5)
        return {EVENTS: [Record(offset) for offset in range(first, self.place)]}

    async def seek_to_committed(self) -> dict[TP, int]:
        for _ in range(5):  # a question to the broker takes its time
            await asyncio.sleep(0)
        self.place = COMMITTED
        return {EVENTS: COMMITTED}

    def assignment(self) -> set[TP]:
        return {EVENTS}

    def highwater(self, _: TP) -> int:
        return END


class StockConsumer(driver.Consumer):
    def _new_consumer_thread(self) -> Any:
        return Kafka()

    def add_dependency(self, service: Any) -> Any:
        return service  # nothing here is started


class OurConsumer(SafeResume, StockConsumer):
    pass


async def arrived(kind: type[StockConsumer]) -> list[int]:
    """The offsets that come out of the fetcher while a recovery ends, up to the last."""
    app: Any = faust.App("resume", broker="kafka://127.0.0.1:1", store="memory://", web_enabled=False)
    offsets: list[int] = []
    last = asyncio.Event()

    async def on_message(message: Any) -> None:
        offsets.append(message.offset)
        if message.offset == END - 1:
            last.set()

    consumer: Any = kind(app.transport, on_message, None, None)
    consumer.randomly_assigned_topics = frozenset()
    app.consumer = consumer
    consumer.pause_partitions({EVENTS})
    consumer.resume_flow()  # as after the changelogs were read
    app.consumer_generation_id = 1
    app._fetcher.maybe_start = lambda: asyncio.sleep(0)
    fetching = asyncio.ensure_future(consumer._drain_messages(app._fetcher))
    await asyncio.sleep(0)
    await app.tables.recovery.on_recovery_completed(1)
    async with asyncio.timeout(10):
        await last.wait()
    fetching.cancel()
    await asyncio.gather(fetching, return_exceptions=True)
    return offsets


async def test_stock_faust_loses_events_between_the_committed_place_and_the_old_one() -> None:
    """The day this fails, Faust has mended it, and SafeResume can go."""
    offsets = await arrived(StockConsumer)
    assert offsets[0] == OLD_PLACE, "fetched before the seek"
    assert set(range(COMMITTED, OLD_PLACE)).isdisjoint(offsets), "and what the seek brought back was dropped"


async def test_ours_begins_where_the_group_left_off_and_loses_none() -> None:
    assert await arrived(OurConsumer) == list(range(COMMITTED, END))


class NothingCommitted(Kafka):
    """A group that has done nothing yet. As aiokafka, it stays where it is then."""

    async def seek_to_committed(self) -> dict[TP, int]:
        return {EVENTS: None}  # type: ignore[dict-item]  # whatever Faust's types say

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, FIRST)

    async def seek_wait(self, places: dict[TP, int]) -> None:
        self.place = places[EVENTS]


class FreshConsumer(ChunkConsumer):
    chunk_topics = frozenset({EVENTS.topic})

    def _new_consumer_thread(self) -> Any:
        return NothingCommitted()

    def add_dependency(self, service: Any) -> Any:
        return service


async def test_where_nothing_was_committed_yet_it_begins_at_the_first() -> None:
    app: Any = faust.App("resume", broker="kafka://127.0.0.1:1", store="memory://", web_enabled=False)
    consumer: Any = FreshConsumer(app.transport, asyncio.sleep, None, None)
    await consumer.seek_to_committed()
    assert consumer._thread.place == FIRST, "what was fetched and dropped before would be lost"
    assert consumer.sought == {EVENTS: FIRST}

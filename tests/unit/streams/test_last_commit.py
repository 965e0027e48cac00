"""Whoever leaves in order commits all that was done. Only Kafka is played here: a commit that takes its time."""

import asyncio
from typing import Any

import faust
import pytest
from faust.types import TP

from streams.transport.consumer import ChunkConsumer
from tests.support.producer import turns

EVENTS = TP("events", 0)


class Kafka:
    """The thread that a consumer asks. The first commit waits to be let through."""

    def __init__(self) -> None:
        self.committed: list[int] = []
        self.begun, self.through, self.comes = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def commit(self, offsets: dict[TP, int]) -> bool:
        self.begun.set()
        await self.through.wait()
        self.committed.append(offsets[EVENTS])
        return True

    def want(self) -> None:
        """It comes when it comes."""

    def assignment(self) -> set[TP]:
        return {EVENTS}

    async def getmany(self, active: set[TP] | None, timeout: float) -> dict[TP, list[Any]]:  # noqa: ASYNC109  # Faust's
        """Waits until something comes."""
        del active, timeout
        await self.comes.wait()
        self.comes.clear()
        return {}

    async def seek_to_committed(self) -> dict[TP, int]:
        return {EVENTS: 0}


class OurConsumer(ChunkConsumer):
    chunk_topics = frozenset({EVENTS.topic})

    def _new_consumer_thread(self) -> Any:
        return Kafka()

    def add_dependency(self, service: Any) -> Any:
        return service  # nothing here is started


async def nothing(*_: object) -> None:
    """What Faust does besides when partitions go."""


@pytest.fixture
async def consumer() -> Any:
    """One that has handed out two chunks, of which the first is done."""
    app: Any = faust.App("commits", broker="kafka://127.0.0.1:1", store="memory://", web_enabled=False)
    made: Any = OurConsumer(app.transport, nothing, nothing, nothing)
    app.consumer = made
    made._chunks[EVENTS].extend([4, 9])
    done(made, 4)
    return made


def done(consumer: Any, offset: int) -> None:
    consumer._acked[EVENTS].append(offset)
    consumer._acked_index[EVENTS].add(offset)


async def test_stock_faust_leaves_a_commit_out_while_another_is_under_way(consumer: Any) -> None:
    """The day this fails, Faust has mended it, and `commit_all` can go."""
    earlier = asyncio.ensure_future(consumer.commit())
    await consumer._thread.begun.wait()
    done(consumer, 9)
    later = asyncio.ensure_future(consumer.commit())
    consumer._thread.through.set()
    await asyncio.gather(earlier, later)
    assert consumer._thread.committed == [5]


async def test_partitions_go_with_all_that_was_done_though_an_earlier_commit_is_under_way(consumer: Any) -> None:
    earlier = asyncio.ensure_future(consumer.commit())
    await consumer._thread.begun.wait()

    async def the_rest_is_done() -> None:
        done(consumer, 9)
        asyncio.get_running_loop().call_soon(consumer._thread.through.set)

    consumer.on_revoke = the_rest_is_done
    await consumer.on_partitions_revoked({EVENTS})
    await earlier
    assert consumer._thread.committed == [5, 10]


async def test_who_waits_for_events_when_partitions_go_forgets_nothing_that_was_done(consumer: Any) -> None:
    """What it is handed then is not taken. It sought back to the committed places at once, and let go of what was done."""
    consumer._thread.through.set()
    consumer._set_active_tps({EVENTS})
    consumer.resume_flow()

    async def fetching() -> None:
        while True:
            async for _ in consumer.getmany(5.0):
                pass

    loop = asyncio.ensure_future(fetching())
    await turns()

    async def the_rest_is_done() -> None:
        consumer._thread.comes.set()
        await turns()
        done(consumer, 9)

    consumer.on_revoke = the_rest_is_done
    await consumer.on_partitions_revoked({EVENTS})
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert consumer._thread.committed == [10]

"""The comparison job on streams/transport: chunks in, profiles as encoded bytes in a table that restores itself, record
batches out, each event counted once (the offset lies in the profile), acknowledged when the broker has what it changed."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from msgspec import Struct

from bench.stream_parts import toy
from models.contracts.settings import Settings
from streams.store.base import Lookup
from streams.store.memory import MemoryStore
from streams.transport.batches import Sent, publish
from streams.transport.consumer import install
from streams.transport.schema import ChunkSchema
from streams.transport.table import ChunkTable
from streams.worker.app import make_app

IN_FLIGHT = 8
OFFSET = 15
"""Where in the profile's list the last folded offset is."""


class Event(Struct):
    """What is used of an event; the rest is skipped undecoded."""

    session: str
    placement: str
    content: str
    ts: float


read_event = msgspec.json.Decoder(Event).decode
read, write = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode


def newer(held: bytes, incoming: bytes) -> bool:
    return bool(read(incoming)[OFFSET] >= read(held)[OFFSET])


def fold(records: list[Any], rows: Lookup) -> dict[bytes, bytes]:
    """Customer by customer: a profile is read and written once, however many events of the chunk are its own."""
    customers: dict[bytes, list[Any]] = {}
    for record in records:
        key = record.key
        if (of := customers.get(key)) is None:
            customers[key] = [record]
        else:
            of.append(record)
    dirty = {}
    for key, of in customers.items():
        row = rows.get(key)
        profile = [*toy.new(), -1] if row is None else read(row)
        folded = profile[OFFSET]
        for record in of:
            if record.offset > folded:
                event = read_event(record.value)
                toy.update(profile, event.session, event.placement, event.content, event.ts)
        profile[OFFSET] = max(folded, of[-1].offset)
        dirty[key] = write(profile)
    return dirty


async def nothing_kept(*_: object) -> set[int]:
    """The store is new, so nothing in it can stand."""
    return set()


def main(broker: str, target: int, prefix: str, state: str) -> None:
    settings = Settings(brokers=broker, partitions=toy.PARTITIONS, worker_group=prefix + "ours", data_dir=state)
    app = make_app(settings)
    output = prefix + toy.PROFILES
    schema = ChunkSchema(key_type=bytes, value_type=bytes)
    table: Any = app.Table(
        output, key_type=bytes, value_type=bytes, partitions=toy.PARTITIONS, schema=schema, recovery_buffer_size=2
    )
    assert isinstance(table, ChunkTable)
    table.newer, table.store, table.standing = newer, MemoryStore(), nothing_kept
    progress = toy.Progress(target)

    async def agent(stream: Any) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all", linger_ms=0, max_batch_size=256 * 1024)
        await producer.start()
        chunks: Any = stream.noack()
        sent: deque[tuple[Any, Sent, dict[bytes, bytes]]] = deque()

        async def settle(most: int) -> bool:
            ended = False
            while len(sent) > most:
                event, batches, dirty = sent.popleft()
                table.wrote(event.message.partition, await batches.confirmed(), dirty)
                await chunks.ack(event)
                ended = progress.add(len(event.value))
            return ended

        async for event in chunks.events():
            rows = table.rows[event.message.partition]
            progress.begin()
            dirty = fold(event.value, rows)
            rows.put(dirty)
            now = int(time.time() * 1000)
            sent.append((event, await publish(producer, output, event.message.partition, dirty.items(), now), dirty))
            if await settle(0 if chunks.channel.queue.empty() else IN_FLIGHT):
                await app.consumer.commit()
                toy.say("done")

    app.agent(app.topic(toy.EVENTS, schema=schema), name="toy")(agent)

    async def nothing() -> None:
        """No work is handed over here: the job ends with its process."""

    install(app, frozenset({toy.EVENTS, output}), settings.chunk_events, nothing, lambda offsets: None)
    asyncio.run(run(app))


async def run(app: Any) -> None:
    await app.start()
    await app.wait_until_stopped()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])

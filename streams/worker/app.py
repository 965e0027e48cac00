"""The Faust app: two tables whose changelogs are public topics, and two agents: over every event, and over what is joined."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import faust
from faust.types import TP

from models.contracts.settings import Settings
from models.contracts.topics import EVENTS, JOINS, OUTCOMES, PROFILES, Topic
from streams.store.base import Store
from streams.store.standing import standing
from streams.transport.consumer import install
from streams.transport.schema import ChunkSchema
from streams.transport.table import ChunkTable
from streams.transport.tables import FreshTables
from streams.worker import marks, outcomes
from streams.worker.folding import Folding, HoleError
from streams.worker.pipeline import Pipeline, Waiting

SESSION_S, REBALANCE_S, HEARTBEAT_S, REQUEST_S = 6.0, 6.0, 1.0, 12.0
"""A worker that dies is noticed after SESSION_S; with Faust's defaults (60 s) its customers would stand still that long.
A request must outlast a rebalance, or the join is given up on the embedded broker and begun again."""

DRAIN_S = 0.6 * SESSION_S
"""What is under way when partitions go gets this long; a worker that takes the whole session is out of the group."""


def make_app(settings: Settings) -> faust.App:
    """An app with nothing in it yet. Creates its folder under data_dir; opens no connection."""
    folder = Path(settings.data_dir).absolute() / "worker"
    folder.mkdir(parents=True, exist_ok=True)
    return faust.App(
        settings.worker_group,
        broker=";".join(f"kafka://{each.strip()}" for each in settings.brokers.split(",")),
        store="memory://",
        datadir=folder,
        autodiscover=False,
        web_enabled=False,
        Table=ChunkTable,
        TableManager=FreshTables,
        topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication,
        topic_allow_declare=False,  # topics are made by one command, and never by a process that found none
        topic_disable_leader=True,
        stream_buffer_maxsize=16,  # chunks
        # What is folded is brought to its end before partitions go. Faust would also wait for what nobody confirms any more,
        # which kept a worker that had to end from ending.
        stream_wait_empty=False,
        broker_commit_interval=1.0,
        broker_session_timeout=SESSION_S,
        broker_rebalance_timeout=REBALANCE_S,
        broker_heartbeat_interval=HEARTBEAT_S,
        broker_request_timeout=REQUEST_S,
        producer_linger=0.0,
        table_standby_replicas=settings.standby,
        consumer_group_instance_id=settings.worker_id or None,
        consumer_auto_offset_reset="earliest",
        worker_redirect_stdouts=False,
    )


def make_tables(app: faust.App, settings: Settings, store: Store) -> tuple[ChunkTable, ChunkTable]:
    """Profiles and outcome counters, their rows in `store`."""
    made = []
    for topic, newer in ((PROFILES, marks.newer), (OUTCOMES, outcomes.newer)):
        table = cast(
            "ChunkTable",
            app.Table(
                topic.on(settings.topic_prefix),
                key_type=bytes,
                value_type=bytes,
                partitions=settings.partitions,
                schema=ChunkSchema(key_type=bytes, value_type=bytes),
                recovery_buffer_size=2,  # chunks; 1 means to Faust that the changelog is followed for ever
                standby_buffer_size=1,
            ),
        )
        table.newer = newer
        table.store = store
        table.standing = partial(standing, settings.brokers)
        made.append(table)
    return made[0], made[1]


def make_agents(
    app: faust.App,
    settings: Settings,
    folding: Folding,
    pipeline: Pipeline,
    sought: Callable[[dict[int, int]], None],
) -> Any:
    """The profiling agent over events, and the one over joins. Answers the streams' acknowledgement, which the pipeline
    calls when all is confirmed. `sought` is told where the events' partitions are read from, after each seek."""
    inputs = {topic.on(settings.topic_prefix): topic for topic in (EVENTS, JOINS)}
    streams: dict[str, Any] = {}

    def agent(name: str, topic: Topic) -> None:
        async def profiling(stream: Any) -> None:
            try:
                await follow(stream.noack())
            except Exception as fault:
                await app.crash(fault)
                raise

        async def follow(stream: Any) -> None:
            streams[name] = stream
            async for event in stream.events():
                records, partition = event.value, event.message.partition
                owned = partition in folding.owned
                if owned and (missing := folding.hole(topic, partition, records[0].offset)):
                    await judge_hole(TP(name, partition), records[0].offset, missing)
                if partition not in folding.owned:
                    continue  # it was on its way when the partition went: its new owner gets it again
                folded = folding.fold(topic, partition, records)
                waiting = Waiting(folded, event, len(records), records[0].timestamp / 1000)
                records.clear()  # the event is kept until it is acknowledged, which some megabytes need not be
                await pipeline.put(waiting)

        source = app.topic(name, schema=ChunkSchema(key_type=bytes, value_type=bytes))
        app.agent(source, name=f"profiling-{topic.name}")(profiling)

    async def judge_hole(tp: TP, first: int, missing: int) -> None:
        earliest = (await app.consumer.earliest_offsets(tp))[tp]
        if first > (earliest or 0):
            raise HoleError(f"{missing} records of {tp.topic}/{tp.partition} did not arrive before offset {first}")
        folding.expired(missing)

    for name, topic in inputs.items():
        agent(name, topic)

    async def on_revoke() -> None:
        try:
            async with asyncio.timeout(DRAIN_S):
                await pipeline.drained()
        except TimeoutError:
            folding.forget()
        folding.release()

    def on_seek(offsets: dict[TP, int]) -> None:
        for name, topic in inputs.items():
            places = {tp.partition: offset for tp, offset in offsets.items() if tp.topic == name}
            folding.expect(topic, places)
            if topic is EVENTS:
                sought(places)

    tables = {PROFILES.on(settings.topic_prefix), OUTCOMES.on(settings.topic_prefix)}
    install(app, frozenset(inputs) | tables, settings.chunk_events, on_revoke, on_seek)

    async def acknowledge(waiting: Waiting) -> None:
        if waiting.event is not None and (stream := streams.get(waiting.event.message.topic)) is not None:
            await stream.ack(waiting.event)

    return acknowledge

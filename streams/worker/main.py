"""`tailorbird worker`: one process of the worker group."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import os
import signal
import threading
import time
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from models.contracts.erasures import Erasures
from models.contracts.settings import Settings
from models.contracts.topics import (
    ASSIGNMENTS,
    CATALOGUE,
    ERASURES,
    EVENTS,
    JOINS,
    OUTCOMES,
    PROFILES,
    PUBLICATIONS,
    REJECTED,
    SEGMENT_MODELS,
)
from models.lifetime import lifetime
from streams.health import Health
from streams.store.base import Store
from streams.store.opening import open_store
from streams.transport import privates
from streams.transport.table import ChunkTable
from streams.worker.app import make_agents, make_app, make_tables
from streams.worker.erasing import Eraser, said
from streams.worker.folding import Folding, Waiters
from streams.worker.follower import Follower
from streams.worker.heartbeat import beating
from streams.worker.knowledge import Knowledge
from streams.worker.mending import Mender
from streams.worker.metrics import Metrics
from streams.worker.operations import Operations
from streams.worker.pipeline import IN_FLIGHT, Outlets, Pipeline, Waiting
from streams.worker.reassigning import reassigning
from streams.worker.stalling import watching
from streams.worker.sweeping import Sweeper, sweeping
from streams.worker.tidying import tidying
from streams.worker.trimming import trimming
from streams.worker.verify import verify

log = logging.getLogger(__name__)

FOLLOWED = (SEGMENT_MODELS, PUBLICATIONS, CATALOGUE, ERASURES)
TOUCHED = (EVENTS, JOINS, PROFILES, ASSIGNMENTS, OUTCOMES, REJECTED, *FOLLOWED)
DRAIN_S = 15.0
"""What is under way at SIGTERM gets this long; with Faust's own stop the process ends within the 25 s it is given."""
STOP_S, LAST_S = 8.0, 20.0
ABSENCE_S = 3600.0
"""So long the broker may be away while the same process waits with what it has folded."""
GARBAGE = 100_000
"""Objects between two looks of the collector. A chunk makes tens of thousands, none in a circle, and all die with it; with
the default of 700 the looks cost 8 % of folding."""


def run(settings: Settings) -> None:
    """Blocks until SIGTERM or SIGINT. Raises ConfigurationError or UnavailableError where it cannot start; whatever else
    comes out ends the process, and the events since the last commit are folded again."""
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("faust", "mode", "aiokafka", "streams.transport"):
        logging.getLogger(chatty).setLevel(logging.DEBUG if settings.log_level == "debug" else logging.WARNING)
    privates.check()
    gc.set_threshold(GARBAGE)
    asyncio.run(Worker(settings).serve())


class Worker:
    """Everything of one process; built and closed in `serve`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._operations = Operations(self._metrics, EVENTS.on(settings.topic_prefix))

    async def serve(self) -> None:
        """Until a signal comes or a part fails."""
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, asked.set)
        await verify(self._settings, TOUCHED)
        async with AsyncExitStack() as stack:
            store = open_store(self._settings)
            stack.callback(store.stop)
            seen = self._operations
            health = Health(
                self._settings.host,
                self._settings.worker_port,
                self._metrics.registry,
                lambda: seen.missing,
                seen.stuck,
            )
            stack.enter_context(health)
            await self._follow(stack, asked, store)

    async def _follow(self, stack: AsyncExitStack, asked: asyncio.Event, store: Store) -> None:
        waiters = Waiters()
        knowledge = Knowledge(waiters.add)
        erasures = Erasures(self._settings.erasure_key)
        follower = Follower(self._settings, FOLLOWED, partial(_taken, knowledge, erasures))
        stack.push_async_callback(follower.stop)
        await follower.start()
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.brokers, acks="all", linger_ms=0, max_batch_size=256 * 1024,
            request_timeout_ms=10_000,
        )  # fmt: skip
        # aiokafka gives a batch as long as one request; then the worker would end in every longer absence of the broker.
        producer._message_accumulator._batch_ttl = ABSENCE_S  # noqa: SLF001 (privates.FIELDS)
        stack.push_async_callback(producer.stop)
        await producer.start()
        app = make_app(self._settings)
        profiles, counters = make_tables(app, self._settings, store)
        folding = Folding(
            profiles,
            counters,
            knowledge,
            self._metrics,
            self._settings.partitions,
            max(200_000, 4 * IN_FLIGHT * self._settings.chunk_events),
            erasures.erased,
        )

        async def confirmed(waiting: Waiting) -> None:
            if waiting.event is not None:
                self._metrics.confirmed.observe(max(0.0, time.time() - waiting.produced))
                self._operations.confirmed(waiting)
                await acknowledge(waiting)

        pipeline = Pipeline(
            producer, self._outlets(), self._settings.chunk_events, confirmed, profiles.wrote, counters.wrote,
            folding.said.wrote, folding,
        )  # fmt: skip
        self._metrics.in_flight.set_function(lambda: pipeline.events)
        acknowledge = make_agents(app, self._settings, folding, pipeline, self._operations.sought)
        mender = Mender(self._settings, folding, pipeline, follower.ends)

        async def restored() -> None:
            for merchant in knowledge.merchants:
                waiters.add(merchant)  # a model may have changed while these partitions were nobody's

        counters.on_recover(restored)
        parts = [
            follower.run(),
            pipeline.run(),
            pipeline.settle(),
            reassigning(folding, pipeline, waiters, self._metrics, self._settings.reassign_rate),
            mender.run(),
            self._sweeping(folding, profiles, pipeline),
            beating(self._settings, lambda: folding.owned, pipeline),
            tidying(store, erasures, self._settings.heartbeat_s),
            trimming(self._settings, erasures, lambda: folding.owned, lambda: int(time.time() * 1000)),
            Eraser(
                erasures,
                profiles,
                lambda: folding.owned,
                pipeline,
                self._metrics,
                self._settings.partitions,
                partial(said, producer, ERASURES.on(self._settings.topic_prefix)),
                store.scrub,
            ).run(),
            self._operations.run(app, folding, (profiles, counters)),
            watching(
                lambda: self._operations.progress(app, (profiles, counters)),
                lambda: self._operations.behind(follower),
            ),
            _faust(app),
        ]
        await self._run(app, pipeline, mender, asked, parts)
        folding.release()

    async def _run(self, app: Any, pipeline: Pipeline, mender: Mender, asked: asyncio.Event, parts: list[Any]) -> None:
        """Until the first part ends, which only a fault makes it do, or a signal comes."""
        tasks = [asyncio.ensure_future(part) for part in (asked.wait(), *parts)]
        why = "it was told to"
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            self._operations.stop()
            if tasks[0] in done:
                await _drain(app, pipeline, mender)
            for task in done:
                if (fault := task.exception()) is not None:
                    why = repr(fault)
                    log.error("the worker ends: %s", why)
                    raise fault
        finally:
            _end_soon(why)
            async with asyncio.timeout(STOP_S):
                await app.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _sweeping(self, folding: Folding, profiles: ChunkTable, pipeline: Pipeline) -> None:
        settings = self._settings
        limit = lifetime(settings.profile_brief_days, settings.profile_days)
        sweeper = Sweeper(profiles, lambda: folding.owned, self._metrics, settings.partitions, limit)
        await sweeping(
            sweeper, lambda: folding.owned, pipeline, settings.sweep_every_s, lambda: int(time.time() * 1000)
        )

    def _outlets(self) -> Outlets:
        prefix = self._settings.topic_prefix
        written = (PROFILES, ASSIGNMENTS, OUTCOMES, REJECTED, JOINS)
        return Outlets(*(topic.on(prefix) for topic in written))


def _taken(knowledge: Knowledge, erasures: Erasures, topic: str, key: bytes, value: bytes | None) -> None:
    """Where a record that every worker follows goes."""
    if topic != ERASURES.name:
        knowledge.take(topic, key, value)
        return
    try:
        blind = erasures.blind
        erasures.take(key, value)
        if erasures.blind > blind:
            log.error("a customer was erased, and this worker has no erasure key: set TAILORBIRD_ERASURE_KEY")
    except (ValueError, msgspec.MsgspecError) as error:
        log.error("a record of %s cannot be used: %s", topic, type(error).__name__)


def _end_soon(why: str) -> None:
    """A thread that ends may wait for what never comes, and a producer waits for its broker. A process that should have
    ended is in nobody's way but its successor's. Where it stood is in its log."""

    def end() -> None:
        log.error("the worker did not end in order and is ended; why it ends: %s", why)
        faulthandler.dump_traceback()
        os._exit(1)

    last = threading.Timer(LAST_S, end)
    last.daemon = True
    last.start()


async def _faust(app: Any) -> None:
    await app.start()
    await app.wait_until_stopped()
    raise app.crash_reason or RuntimeError("Faust stopped")


async def _drain(app: Any, pipeline: Pipeline, mender: Mender) -> None:
    """Takes nothing more in, brings what was taken to its end and commits it: the next worker repeats nothing. And nothing
    newer stays under what is older: compaction would keep the older, should no worker come for a day."""
    app.consumer.halt()
    try:
        async with asyncio.timeout(DRAIN_S):
            await mender.once()
            await pipeline.drained()
            await app.consumer.commit_all()
    except TimeoutError:
        log.warning("stopped with %d events under way; they will be folded again", pipeline.events)

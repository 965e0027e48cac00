"""The consumer: one Faust message per fetched run of one partition, and a resume that waits for the seek."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from itertools import chain
from typing import Any, Final

import faust
from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams.transport import fetching
from streams.transport import records as unpacking
from streams.transport.tables import Run
from streams.transport.thread import ChunkThread

AHEAD: Final = 3
"""Partitions of an answer that are still to be handed out when the next answer is asked for. With fewer the worker waits for
it, with more it waits for the worker, and what is in it grows old."""


class SafeResume(driver.Consumer):
    """Stock Faust hands the stream partitions back to the fetcher before the seek to the committed offsets is over: what
    is fetched in between comes from the old position and is lost. Here they are held back until the seek has finished."""

    _held: frozenset[TP] = frozenset()
    _sought = False

    def resume_partitions(self, tps: Any) -> None:
        streams = {tp for tp in tps if not self._is_changelog_tp(tp)}
        self._held |= streams
        if changelogs := set(tps) - streams:
            super().resume_partitions(changelogs)

    async def perform_seek(self) -> None:
        await super().perform_seek()
        self._sought = True

    def resume_flow(self) -> None:
        super().resume_flow()
        if self._sought and self._held:
            held, self._held, self._sought = self._held, frozenset(), False
            super().resume_partitions(held)

    def stop_flow(self) -> None:
        self._held, self._sought = frozenset(), False
        super().stop_flow()


class Places(dict[TP, "int | None"]):
    """Faust's `_read_offset`, without the chunk topics. Faust notes there what it has delivered, also a chunk that a seek
    made stale meanwhile, and drops whatever lies before; chunk topics keep their own place."""

    def __init__(self, without: frozenset[str]) -> None:
        super().__init__()
        self._without = without

    def __getitem__(self, tp: TP) -> int | None:
        return None if tp.topic in self._without else self.get(tp)

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        if tp.topic not in self._without:
            super().__setitem__(tp, offset)


class ChunkConsumer(SafeResume):
    """Counts chunks where Faust counts messages. A chunk's offset is that of its last record.

    Every record after the committed offset (of a changelog: after where recovery sought it) is handed out, or the fetcher
    is sent back to it: what is fetched across a seek or a rebalance would otherwise be lost without a trace.
    """

    chunk_topics: frozenset[str] = frozenset()
    chunk_events = 4000
    on_revoke: Callable[[], Awaitable[None]]
    on_seek: Callable[[dict[TP, int]], None]
    _thread: ChunkThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._chunks: dict[TP, deque[int]] = defaultdict(deque)  # last offsets of the chunks handed out, in order
        self._next: dict[TP, int] = {}  # what is to be handed out next
        self._sent_back: dict[TP, int] = {}
        self._seeks = 0
        self._finishing = False
        self.epochs: Counter[TP] = Counter()
        """Seeks of each changelog partition: what was fetched before the last one is stale."""
        self.sought: dict[TP, int] = {}
        """The committed places of the last seek to them: a new object each time."""
        super().__init__(*args, **kwargs)
        self._read_offset = Places(self.chunk_topics)

    def _new_consumer_thread(self) -> ChunkThread:
        return ChunkThread(self, whole=self.chunk_topics, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 (as above)
        # Faust passes its own set, which shrinks while the fetch waits; and to aiokafka an empty set means "all".
        asked = None if active_partitions is None else set(active_partitions)
        self._thread.want()
        return await super()._getmany(asked, timeout)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 (Faust's signature)
        """Yields (partition, chunk) for chunk topics, (partition, message) for others."""
        generation, seeks = self.app.consumer_generation_id, self._seeks
        records, _ = await self._wait_next_records(timeout)
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            if self._finishing:
                return  # a seek would let go of what is done and not committed yet
            try:
                await self.perform_seek()
            except KafkaError as error:  # the rebalance that stopped the flow seeks again before it resumes
                self.log.warning("the seek while the flow was stopped failed: %r", error)
            return

        def stale() -> bool:
            return not self.flow_active or self._seeks != seeks or self.app.consumer_generation_id != generation

        for left, (tp, taken) in zip(range(len(records) - 1, -1, -1), records.items(), strict=True):
            if left < AHEAD:
                self._thread.want()
            if tp.topic not in self.chunk_topics:
                for record in taken:
                    if stale():
                        return
                    yield tp, self._to_message(tp, record)
                continue
            fetched = list(chain.from_iterable(taken))  # they come as batches (streams.transport.records)
            # A changelog is never cut: the embedded broker calls the first record of its last batch the end, so the
            # whole batch must arrive as one message for recovery to see all of it.
            size = max(len(fetched), 1) if self._is_changelog_tp(tp) else self.chunk_events
            for start in range(0, len(fetched), size):
                if stale():
                    await self._send_back(set(records))
                    return
                chunk = self._unread(tp, fetched[start : start + size])
                if not chunk:
                    continue
                if self._jumped(tp, chunk[0].offset):
                    await self._send_back({tp})
                    break
                self._next[tp] = chunk[-1].offset + 1
                if not self._is_changelog_tp(tp):  # which nobody acknowledges
                    self._chunks[tp].append(chunk[-1].offset)
                yield tp, self._message(tp, chunk, generation)

    def _unread(self, tp: TP, chunk: list[Any]) -> list[Any]:
        after = self._next.get(tp)
        if after is not None and chunk[0].offset < after:
            return [record for record in chunk if record.offset >= after]
        return chunk

    def _jumped(self, tp: TP, first: int) -> bool:
        """Whether records are missing before `first`. Asked again for the same place the answer is no: then the broker
        itself has them no more. Compaction makes a changelog all gaps."""
        after = self._next.get(tp)
        if self._is_changelog_tp(tp) or after is None or first <= after or self._sent_back.get(tp) == after:
            return False
        self._sent_back[tp] = after
        return True

    async def _send_back(self, tps: set[TP]) -> None:
        """Lets the fetcher begin again at what is to be handed out next."""
        assignment = self.assignment()
        places = {tp: after for tp in tps & assignment if (after := self._next.get(tp)) is not None}
        if places and self.flow_active:
            await super().seek_wait(places)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Recovery seeks the changelogs with it, also while something of them is being fetched."""
        self._seeks += 1
        self.epochs.update(partitions.keys())
        self._next.update((tp, offset) for tp, offset in partitions.items() if tp.topic in self.chunk_topics)
        await super().seek_wait(partitions)

    def _message(self, tp: TP, chunk: list[Any], generation: int) -> Any:
        last = chunk[-1]
        value: Any = Run(chunk)  # Faust's type says bytes; ChunkSchema is the only reader
        value.epoch = self.epochs[tp]
        return ConsumerMessage(
            tp.topic, tp.partition, last.offset, last.timestamp / 1000.0, last.timestamp_type, None, None, value,
            None, 0, 0, tp, generation_id=generation,
        )  # fmt: skip

    def on_buffer_full(self, tp: TP) -> None:
        # Stock Faust stops fetching and sleeps 1 s once all partitions are full; a bounded queue of whole chunks is
        # back-pressure enough.
        if tp.topic not in self.chunk_topics:
            super().on_buffer_full(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if tp.topic not in self.chunk_topics:
            await super()._add_gap(tp, offset_from, offset_to)

    def _new_offset(self, tp: TP) -> int | None:
        if tp.topic not in self.chunk_topics:
            return super()._new_offset(tp)
        chunks, acknowledged, newest = self._chunks[tp], self._acked_index[tp], None
        while chunks and chunks[0] in acknowledged:
            newest = chunks.popleft()
            acknowledged.discard(newest)
        self._acked[tp].clear()
        return None if newest is None else newest + 1

    async def perform_seek(self) -> None:
        self._seeks += 1
        self._chunks.clear()
        self._acked_index.clear()
        self._acked.clear()
        await super().perform_seek()
        self._seeks += 1  # what was fetched while the seek was under way is stale as well
        self.on_seek(self.sought)

    async def seek_to_committed(self) -> Any:
        committed: Any = await super().seek_to_committed()  # None where nothing was committed, whatever its type says
        self._sent_back.clear()
        streams = {
            tp: offset
            for tp, offset in committed.items()
            if tp.topic in self.chunk_topics and not self._is_changelog_tp(tp)
        }
        self.sought = {tp: offset for tp, offset in streams.items() if offset is not None and offset >= 0}
        self.sought |= await self._seek_to_first(streams.keys() - self.sought.keys())
        followed = {tp: after for tp, after in self._next.items() if self._is_changelog_tp(tp)}
        self._next = followed | self.sought
        return committed

    async def _seek_to_first(self, fresh: set[TP]) -> dict[TP, int]:
        """Where nothing was committed aiokafka leaves the fetcher where it is, which may be behind what was dropped."""
        if not fresh:
            return {}
        earliest = await self.earliest_offsets(*fresh)
        places = {tp: earliest.get(tp) or 0 for tp in fresh}
        await super().seek_wait(places)
        return places

    def resume_flow(self) -> None:
        self._finishing = False
        super().resume_flow()

    def halt(self) -> None:
        """Takes nothing more in. What is under way is then brought to its end, and `commit_all` is called."""
        self._finishing = True
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()

    async def commit_all(self) -> None:
        """Commits all that is acknowledged now. Faust leaves a commit out while another is under way, which knows nothing of
        what was acknowledged since it began: the next owner would fold that again."""
        while await self.maybe_wait_for_commit_to_finish():
            pass
        await self.commit()
        self._finishing = False

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finishes what is under way before the partitions go: the next owner then repeats nothing."""
        self.halt()
        await self.on_revoke()
        await self.commit_all()
        for tp in revoked:
            self._chunks.pop(tp, None)
        await super().on_partitions_revoked(revoked)


def install(
    app: faust.App,
    topics: frozenset[str],
    chunk_events: int,
    on_revoke: Callable[[], Awaitable[None]],
    on_seek: Callable[[dict[TP, int]], None],
) -> None:
    """Gives `app` the chunk transport for `topics`.

    `on_revoke` is awaited before partitions go; `on_seek` gets the committed offsets after each seek to them.
    """

    class Consumer(ChunkConsumer):
        pass

    Consumer.chunk_topics = topics
    Consumer.chunk_events = chunk_events
    Consumer.on_revoke = staticmethod(on_revoke)
    Consumer.on_seek = staticmethod(on_seek)

    class Transport(driver.Transport):
        pass

    Transport.Consumer = Consumer
    unpacking.install()
    fetching.install()
    app.transport = Transport(app.conf.broker_consumer, app)

"""Recovery gets every changelog record that was fetched after its last seek, and none that was fetched before."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from faust.types import TP
from mode.utils.queues import FlowControlEvent

from streams.transport.tables import FreshQueue, Run

PLACE = TP("profiles", 0)


@dataclass
class Message:
    tp: TP = PLACE


@dataclass
class Event:
    value: Run
    message: Message = field(default_factory=Message)


class Recovery:
    """As much of it as seeks."""

    def __init__(self, maxsize: int = 16) -> None:
        self.epochs: Counter[TP] = Counter()
        self.flow = FlowControlEvent()
        self.queue = FreshQueue(self.is_fresh, maxsize=maxsize, flow_control=self.flow, clear_on_resume=True)
        self.flow.resume()

    def is_fresh(self, event: Any) -> bool:
        return bool(event.value.epoch == self.epochs[event.message.tp])

    def fetched(self, *records: str) -> Event:
        run = Run(records)
        run.epoch = self.epochs[PLACE]
        return Event(run)

    async def got(self) -> list[str]:
        async with asyncio.timeout(5):
            return list((await self.queue.get()).value)


async def test_a_resumed_flow_keeps_what_is_fresh() -> None:
    """Stock Faust empties the queue: what a standby had fetched would be gone, its offset already passed."""
    recovery = Recovery()
    await recovery.queue.put(recovery.fetched("a"))
    recovery.flow.resume()
    assert await recovery.got() == ["a"]


async def test_what_was_fetched_before_a_seek_is_dropped() -> None:
    recovery = Recovery()
    await recovery.queue.put(recovery.fetched("stale"))
    recovery.epochs.update([PLACE])
    await recovery.queue.put(recovery.fetched("fresh"))
    assert await recovery.got() == ["fresh"]
    assert recovery.queue.empty()


async def test_a_put_that_waited_across_a_seek_brings_nothing_stale() -> None:
    recovery = Recovery(maxsize=1)
    await recovery.queue.put(recovery.fetched("first"))
    late = asyncio.ensure_future(recovery.queue.put(recovery.fetched("second")))
    await asyncio.sleep(0)
    assert not late.done()
    recovery.epochs.update([PLACE])
    recovery.flow.resume()
    async with asyncio.timeout(5):
        await late
    again = asyncio.ensure_future(recovery.queue.put(recovery.fetched("first again")))
    assert await recovery.got() == ["first again"]
    await again

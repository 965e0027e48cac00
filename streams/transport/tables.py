"""The queue between fetcher and recovery: it keeps what is fresh and lets nothing stale through.

Stock Faust empties the queue of changelog records whenever the flow is resumed, also when a standby's records are in it, and
lets a put that had to wait finish after it. Both lose records without a trace, because the offset goes on with the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, cast

from faust.tables import TableManager
from mode.utils.queues import ThrowableQueue

from streams.transport.recovery import SafeRecovery


class Run(list[Any]):
    """Records of one fetched run of a changelog. `epoch` counts the seeks of its partition before it was fetched."""

    epoch = 0


class FreshQueue(ThrowableQueue[Any]):
    """Faust's queue of changelog events, for which `fresh` says whether no seek came after their fetch."""

    _queue: deque[Any]  # asyncio's own, which its types leave out
    _wakeup_next: Callable[[Any], None]

    def __init__(self, fresh: Callable[[Any], bool], **kwargs: Any) -> None:
        self._fresh = fresh
        super().__init__(**kwargs)

    async def get(self) -> Any:
        while True:
            event = await super().get()
            if self._fresh(event):
                return event

    def clear(self) -> None:
        self._errors.clear()
        queue = self._queue
        kept = [event for event in queue if self._fresh(event)]
        queue.clear()
        queue.extend(kept)
        if len(kept) < self.maxsize:
            self._wakeup_next(self._putters)


class FreshTables(TableManager):
    """Faust's tables with that queue, and a recovery that is safe."""

    @property
    def recovery(self) -> SafeRecovery:
        if self._recovery is None:
            self._recovery = SafeRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return cast("SafeRecovery", self._recovery)

    @property
    def changelog_queue(self) -> ThrowableQueue[Any]:
        if self._changelog_queue is None:
            self._changelog_queue = FreshQueue(
                self._is_fresh,
                maxsize=self.app.conf.stream_buffer_maxsize,
                flow_control=self.app.flow_control,
                clear_on_resume=True,
            )
        return self._changelog_queue

    def _is_fresh(self, event: Any) -> bool:
        consumer: Any = self.app.consumer
        return bool(event.value.epoch == consumer.epochs[event.message.tp])

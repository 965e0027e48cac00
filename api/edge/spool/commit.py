"""Group commit: what came in during one turn of the loop is one write, and answers leave after it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from api.edge.spool.log import SpoolError, SpoolLog

Done = Callable[[bool], None]
"""Called with True once the payload is kept, with False when it could not be."""
SICK_S: Final = 1.0
"""After a failed sync nothing is tried for so long: each try begins a file of its own."""


class GroupCommit:
    """Driven by completion, with no fixed delay: while one batch is on its way to the disk the next one gathers."""

    def __init__(
        self,
        log: SpoolLog,
        *,
        to_disk: bool,
        on_failure: Callable[[str, int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`to_disk`: an event counts as recorded after fdatasync, not after the write."""
        self._log = log
        self._pool = ThreadPoolExecutor(1, "spool") if to_disk else None
        self._on_failure = on_failure
        self._clock = clock
        self._waiting: list[tuple[bytes, Done]] = []
        self._busy = False
        self._sick_until = 0.0

    @property
    def written(self) -> int:
        """The last sequence that is in the spool."""
        return self._log.next_seq - 1

    def append(self, payload: bytes) -> asyncio.Future[bool]:
        """The same as `put` for whoever awaits: a client that went away cancels its own future."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def done(kept: bool) -> None:
            if not future.done():
                future.set_result(kept)

        self.put(payload, done)
        return future

    def put(self, payload: bytes, done: Done) -> None:
        """Joins the batch of this turn of the loop. `done` is called later in the loop's thread and must not raise."""
        self._waiting.append((payload, done))
        if not self._busy:
            self._busy = True
            asyncio.get_running_loop().call_soon(self._commit)

    def _commit(self) -> None:
        batch, self._waiting = self._waiting, []
        if self._sick_until and self._clock() < self._sick_until:
            self._fail(batch, "the disk failed a moment ago")
            self._go_on()
            return
        try:
            self._log.append([payload for payload, _ in batch])
        except SpoolError as error:
            self._fail(batch[error.kept :], str(error))
            batch = batch[: error.kept]
        if self._pool is None or not batch:
            self._keep(batch)
            self._go_on()
            return
        synced = asyncio.get_running_loop().run_in_executor(self._pool, self._log.syncing())
        synced.add_done_callback(lambda future: self._synced(batch, future))

    def _synced(self, batch: list[tuple[bytes, Done]], future: asyncio.Future[None]) -> None:
        error = future.exception()
        if error is None:
            self._sick_until = 0.0
            self._keep(batch)
        else:
            # The kernel gives a failed page up and calls the next sync of the same file good: never that file again.
            self._log.end_segment()
            self._sick_until = self._clock() + SICK_S
            self._fail(batch, str(error))
        self._go_on()

    def _keep(self, batch: list[tuple[bytes, Done]]) -> None:
        for _, done in batch:
            done(True)

    def _fail(self, batch: list[tuple[bytes, Done]], reason: str) -> None:
        self._on_failure(reason, len(batch))
        for _, done in batch:
            done(False)

    def _go_on(self) -> None:
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._commit)
        else:
            self._busy = False

    def close(self) -> None:
        """After the last answer: waits for a sync that is still under way."""
        if self._pool is not None:
            self._pool.shutdown()

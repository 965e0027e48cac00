"""Group commit: what came in during one turn of the loop is one write, and answers leave after it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from api.edge.spool.log import SpoolError, SpoolLog


class GroupCommit:
    """Driven by completion, with no fixed delay: while one batch is on its way to the disk the next one gathers."""

    def __init__(self, log: SpoolLog, *, to_disk: bool, on_failure: Callable[[str, int], None]) -> None:
        """`to_disk`: an event counts as recorded after fdatasync, not after the write."""
        self._log = log
        self._pool = ThreadPoolExecutor(1, "spool") if to_disk else None
        self._on_failure = on_failure
        self._waiting: list[tuple[bytes, asyncio.Future[bool]]] = []
        self._busy = False
        self.written = log.next_seq - 1
        """The last sequence that the shipper may read."""
        self.wake: Callable[[], None] | None = None

    def append(self, payload: bytes) -> asyncio.Future[bool]:
        """Done with True once the payload is kept, with False when it could not be."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((payload, done))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._commit)
        return done

    def _commit(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            self._log.append([payload for payload, _ in batch])
        except SpoolError as error:
            self._on_failure(str(error), len(batch))
            self._finish(batch, kept=False)
            return
        if self._pool is None:
            self._finish(batch, kept=True)
            return
        # The segment may be closed before the thread is there: it syncs a descriptor of its own.
        synced = asyncio.get_running_loop().run_in_executor(self._pool, _sync, os.dup(self._log.fd))
        synced.add_done_callback(lambda future: self._synced(batch, future.result()))

    def _synced(self, batch: list[tuple[bytes, asyncio.Future[bool]]], fault: str | None) -> None:
        if fault is not None:
            self._on_failure(fault, len(batch))
        self._finish(batch, kept=fault is None)

    def _finish(self, batch: list[tuple[bytes, asyncio.Future[bool]]], *, kept: bool) -> None:
        self.written = self._log.next_seq - 1
        for _, done in batch:
            if not done.done():  # a client that went away cancels its own
                done.set_result(kept)
        if self.wake is not None:
            self.wake()
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._commit)
        else:
            self._busy = False

    def close(self) -> None:
        """After the last answer: waits for a sync that is still under way."""
        if self._pool is not None:
            self._pool.shutdown()


def _sync(fd: int) -> str | None:
    try:
        os.fdatasync(fd)
    except OSError as error:
        return str(error.strerror)
    finally:
        os.close(fd)
    return None

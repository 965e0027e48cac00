"""What stock Faust makes of a broker that does not answer in time, and of a rebalance in the middle of a recovery, and what
ours makes of them. The recovery, its tables and the app are the real ones; only Kafka is a handful of answers."""

import asyncio
from collections.abc import Callable
from typing import Any

import faust
import pytest
from faust.tables.recovery import Recovery
from faust.types import TP

from streams.transport.recovery import SafeRecovery

LOG = TP("table-changelog", 0)
END = 10


class Kafka:
    """The consumer that a recovery asks; its first `silent` questions have no answer."""

    beacon = None

    def __init__(self, silent: int = 0) -> None:
        self.silent = silent
        self.asked = 0

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        self.asked += 1
        if self.asked <= self.silent:
            await asyncio.Event().wait()
        return dict.fromkeys(tps, END)

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, 0)

    async def seek_wait(self, places: dict[TP, int]) -> None:
        del places

    async def perform_seek(self) -> None:
        await asyncio.sleep(0)

    def assignment(self) -> set[TP]:
        return {LOG}

    def resume_partitions(self, tps: set[TP]) -> None:
        del tps

    pause_partitions = resume_partitions

    def resume_flow(self) -> None:
        """Nothing flows."""


class Shop:
    """An app with one table, and a recovery of `kind` that runs."""

    def __init__(self, kind: type[Recovery], kafka: Kafka) -> None:
        app: Any = faust.App(
            "recovery", broker="kafka://127.0.0.1:1", store="memory://", web_enabled=False, broker_request_timeout=0.1 if kafka.silent else 10,
            broker_session_timeout=0.1 if kafka.silent else 10,
        )  # fmt: skip
        app.consumer = kafka
        app._fetcher.maybe_start = self._reads
        self.app, self.table, self.called_complete, self.reads = app, app.Table("table", partitions=1), 0, 0

        async def on_recovery_completed(*_: object) -> None:
            self.called_complete += 1

        self.table.on_recovery_completed = on_recovery_completed
        self.recovery: Any = kind(app, app.tables)
        self.task = asyncio.ensure_future(type(self.recovery)._restart_recovery.fun(self.recovery))

    async def _reads(self) -> None:
        """The changelogs are being read from here on."""
        self.reads += 1

    def rebalance(self) -> None:
        """The table's partition is ours, from here on."""
        self.app.on_rebalance_start()
        self.recovery.active_tps.add(LOG)
        self.recovery.tp_to_table[LOG] = self.table
        self.recovery._round = self.app.rebalancing_count
        self.recovery.signal_recovery_start.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_stock_faust_never_recovers_again_when_one_answer_was_late() -> None:
    """The day this fails, Faust has mended it."""
    shop = Shop(Recovery, Kafka(silent=1))
    shop.rebalance()
    await shop.until(shop.task.done)
    assert not shop.called_complete
    assert not shop.recovery.crashed, "and nobody is told"


async def test_ours_begins_again_until_the_broker_answers() -> None:
    kafka = Kafka(silent=2)
    shop = Shop(SafeRecovery, kafka)
    shop.rebalance()
    await shop.until(lambda: shop.reads and kafka.asked >= 3)
    assert not shop.task.done()
    shop.recovery.active_offsets[LOG] = END
    shop.recovery.signal_recovery_end.set()
    await shop.until(lambda: shop.called_complete)
    await shop.end()


@pytest.mark.parametrize(("kind", "times"), [(Recovery, 1), (SafeRecovery, 0)], ids=["stock", "ours"])
async def test_a_rebalance_while_changelogs_are_read_leaves_the_table_incomplete(
    kind: type[Recovery], times: int
) -> None:
    """Stock Faust calls it complete: the day that fails, Faust has mended it."""
    shop = Shop(kind, Kafka())
    shop.rebalance()
    await shop.until(lambda: shop.reads == 1)
    shop.rebalance()
    await shop.until(lambda: shop.reads == 2)
    assert shop.called_complete == times
    shop.recovery.signal_recovery_end.set()
    await shop.until(lambda: shop.called_complete > times)
    await shop.end()

"""Recovery that outlasts a broker and gives way to the next rebalance.

Stock Faust gives each of its questions to the broker a time, and takes the end of that time for the end of the service: the
task that recovers is gone without a word, and the worker takes part in no rebalance any more. Here recovery begins again.

And where the next rebalance comes while it reads the changelogs, stock Faust swallows that and goes on as if all were read:
tables are called complete whose records are still to come, or that are another worker's by now.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, cast

from aiokafka.errors import IllegalStateError, KafkaError
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped

log = logging.getLogger(__name__)

AGAIN_S: Final = 0.5
"""Before it begins again: a broker that refuses at once is not asked a thousand times."""


class SafeRecovery(Recovery):
    """Faust's, with another end of waiting."""

    _round = 0

    @property
    def superseded(self) -> bool:
        """Whether the next rebalance has begun: what this recovery is for may be another worker's already."""
        app: Any = self.app
        return self.signal_recovery_start.is_set() or app.rebalancing_count != self._round

    async def on_rebalance(self, *args: Any, **kwargs: Any) -> None:
        app: Any = self.app
        self._round = app.rebalancing_count
        await super().on_rebalance(*args, **kwargs)

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        if self.superseded:
            raise RebalanceAgain
        await super().on_recovery_completed(generation_id)

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ASYNC109 (as in Faust)
        if self.superseded:
            coro.close()
            raise RebalanceAgain
        try:
            waited: Any = await self.wait_first(coro, cast("Any", self.signal_recovery_start), timeout=timeout)
        except IllegalStateError:
            raise  # a partition that is no longer ours: the next rebalance is under way
        except (TimeoutError, KafkaError) as error:
            await self._again(repr(error))
        if self.signal_recovery_start in waited.done:
            raise RebalanceAgain
        if waited.stopped:
            if self.should_stop:
                raise ServiceStopped
            await self._again(f"no answer within {timeout} s")

    async def _again(self, why: str) -> None:
        log.warning("the tables' recovery begins again: %s", why)
        await asyncio.sleep(AGAIN_S)
        self.signal_recovery_start.set()
        raise RebalanceAgain

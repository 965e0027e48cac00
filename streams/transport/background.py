"""What goes wrong in the background of aiokafka's consumer. It keeps such an error for its user's next call, and its group
stands still until then; Faust goes round those calls. So a broker that began again with an answer nobody foresaw left a
worker that took part in no rebalance, fetched nothing, and said nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from aiokafka.errors import KafkaError

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
PATIENCE_S: Final = 30.0
"""Errors that go on for so long do not pass: the process ends, and says why."""
CALM_S: Final = 10.0
"""So long without one, and the next is a new one."""


class Background:
    """Of one consumer; asked now and then, in the consumer's own thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` in seconds."""
        self._clock = clock
        self._first = self._last = -PATIENCE_S - CALM_S

    def look(self, consumer: Any) -> None:
        """Takes the error that is kept, where there is one, and lets the consumer join its group anew.

        Raises:
            KafkaError: it does not pass, or the task that fetches has ended.
        """
        if consumer._fetcher.error_future.done():  # noqa: SLF001 (privates.FIELDS)
            consumer._fetcher.error_future.result()  # noqa: SLF001
        coordinator = consumer._coordinator  # noqa: SLF001
        try:
            coordinator.check_errors()
        except KafkaError as error:
            self._judge(error)
            log.warning("the group is joined anew after %r", error)
            coordinator.request_rejoin()

    def _judge(self, error: KafkaError) -> None:
        now = self._clock()
        if now - self._last > CALM_S:
            self._first = now
        self._last = now
        # aiokafka raises KafkaError itself for an answer it does not know; what it knows and calls final is final.
        if not (error.retriable or type(error) is KafkaError) or now - self._first > PATIENCE_S:
            raise error

"""Following: how a worker learns what the replica has read. A thread looks at one word, a hundred times a second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Final

from api.edge.shared.board import BoardReader
from api.edge.shared.status import Status
from api.replica import Handler
from models.contracts.topics import Topic

log = logging.getLogger(__name__)

LOOK_S: Final = 0.01
CARE_TICKS: Final = 50


class Following:
    """Hands the board's records to the worker's handlers. A thread and not the event loop: decoding a large publication
    takes milliseconds, and the interpreter gives the requests their turn in between."""

    def __init__(
        self,
        board: BoardReader,
        status: Status,
        handlers: Mapping[Topic, Handler],
        after_batch: Callable[[], None],
        care: Callable[[], None],
    ) -> None:
        """`care` runs twice a second."""
        self._board = board
        self._status = status
        self._handlers = handlers
        self._after_batch = after_batch
        self._care = care
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="following", daemon=True)
        self.ready = False
        """This worker has everything that was on the topics when the edge started. It stays so."""
        self.failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._board.close()

    def _run(self) -> None:
        try:
            tick = 0
            while not self._stop.wait(LOOK_S):
                self._look()
                if tick % CARE_TICKS == 0:
                    self._care()
                tick += 1
        except BaseException as error:  # reported: the worker ends, and is started anew
            log.exception("the board cannot be followed")
            self.failure = error

    def _look(self) -> None:
        records = self._board.read()
        for record in records:
            self._handlers[record.topic](record)
        if records:
            self._after_batch()
        if not self.ready:
            complete = self._status.complete
            self.ready = complete is not None and self._board.sequence >= complete

"""One request at the hot door: decided at once, answered when its event is kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from api.bodies import check_object, too_large
from api.edge.asking import admit
from api.edge.deciding import Outcome, count, decided, decoded, well_formed
from api.edge.head import Head
from api.edge.state import Edge
from api.problems import bug, problem
from models.contracts.errors import RequestError
from models.contracts.wire import QueryRequest

log = logging.getLogger(__name__)

_OK: Final = STATUS_LINE[200]
LIMITED: Final = 429


class Waiting(Protocol):
    """An answer among those of its connection, as the connection sees it."""

    reply: bytes | None
    """None until it may leave."""
    last: bool
    """Whether the connection is to close after it."""


class Begun:
    """What the short way read of a request that takes the long one."""

    __slots__ = ("head", "query")

    def __init__(self, head: Head, query: QueryRequest) -> None:
        """`query`: ids and number of placements are still to be looked at."""
        self.head = head
        self.query = query


class Turn:
    """The place of an answer among those of its connection, decided step by step: the long way."""

    __slots__ = ("_began", "_edge", "_outcome", "_settled", "last", "reply")

    def __init__(self, edge: Edge, settled: Callable[[], None]) -> None:
        """`settled` is called when `reply` is there."""
        self._edge = edge
        self._settled = settled
        self._began = time.perf_counter()
        self._outcome: Outcome | None = None
        self.reply: bytes | None = None
        self.last = False

    def take(self, head: Head, body: bytes, query: QueryRequest | None = None) -> None:
        """Decides; the reply is there at once, or when the spool has called back. `query`: as it was read of an object
        that is not too large and not too deep."""
        edge = self._edge
        try:
            admit(edge, head)
            if query is None:
                if len(body) > edge.settings.body_bytes:
                    raise too_large(edge.settings.body_bytes)
                check_object(body, edge.settings.json_depth)
                query = decoded(body)
            else:
                query = well_formed(query, body)
            outcome = self._outcome = decided(edge, head, query)
        except RequestError as error:
            self._refuse(error)
        except Exception:
            # What Starlette and uvicorn do with a bug: logged, answered, and the connection given up.
            log.exception("a query could not be answered")
            self.last = True
            self._refuse(bug())
        else:
            if outcome.event is None:
                self(None)
            else:
                edge.spool.put(outcome.event, self)

    def __call__(self, kept: bool | None) -> None:
        """What became of the event."""
        outcome = self._outcome
        if outcome is None:  # pragma: no cover - the spool is given nothing before there is an outcome
            return
        count(self._edge, outcome, kept)
        body = outcome.body(kept)
        self.reply = b"%b%bcontent-length: %d\r\n\r\n%b" % (_OK, outcome.headers.block, len(body), body)
        self._done(200)

    def _refuse(self, error: RequestError) -> None:
        self.reply = refusal(error)
        self._done(error.status)

    def _done(self, status: int) -> None:
        self._edge.metrics.query(status, time.perf_counter() - self._began)
        self._settled()


def refusal(error: RequestError) -> bytes:
    """The problem as it stands on the wire: headers in the order in which Starlette sends them."""
    if error.status == LIMITED:  # by the thousand, and then nothing may depend on how long each takes
        return _limited(error.title, error.detail, error.headers["Retry-After"])
    return _worded(error)


@lru_cache(256)
def _limited(title: str, detail: str, wait: str) -> bytes:
    return _worded(RequestError(LIMITED, title, detail, headers={"Retry-After": wait}))


def _worded(error: RequestError) -> bytes:
    response = problem(error)
    headers = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
    return b"%b%b\r\n%b" % (STATUS_LINE[error.status], headers, bytes(response.body))

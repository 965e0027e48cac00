"""`tailorbird edge`: the family of one edge's processes, from its first fork to its last exit."""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import ExitStack
from functools import partial
from socket import socket
from typing import Final

from api.edge.family import replica, shipper, worker
from api.edge.family.child import AnewError
from api.edge.family.parent import Parent, Role, Step
from api.edge.family.shared import Shared, shared
from api.edge.server import GRACE_S, listen
from api.edge.spool.shipper import SHIP_S
from models.contracts.settings import Settings, worker_ports

log = logging.getLogger(__name__)

LAST_S: Final = SHIP_S + 1.5
"""For shipper and replica at the end: what is left goes to Kafka, the snapshot to the disk."""


def run(settings: Settings) -> None:
    """Blocks until SIGTERM.

    Raises:
        ConfigurationError: topics, spool directory, shared memory or delivery code are not as they must be.
        UnavailableError: no broker, or a port is taken.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    try:
        with ExitStack() as stack:
            _family(settings, stack).run()
    except AnewError as error:
        log.error("%s: this edge begins anew", error)
        sys.stderr.flush()
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the same command in the same process, with nothing kept
    log.info("drained")


def _family(settings: Settings, stack: ExitStack) -> Parent:
    """The roles in the order of their start, and how they end: answers first, then what they left."""
    listeners = [_listener(settings, port, stack) for port in (settings.edge_port, *worker_ports(settings))]
    common, own = [listeners[0]], listeners[1:]
    if settings.metrics_port:  # any worker answers a scrape for all of them
        common.append(_listener(settings, settings.metrics_port, stack))
        listeners.append(common[-1])
    held = stack.enter_context(shared(settings))
    everywhere = [each.fileno() for each in listeners]
    first = Role("replica", partial(replica.run, settings, held), everywhere)
    second = Role("shipper", partial(shipper.run, settings, held), everywhere)
    workers = [_worker(settings, held, number, common, own) for number in range(settings.workers)]

    def close() -> None:
        """Nobody is started any more. As long as one process has a listener open, clients wait in its queue."""
        for each in listeners:
            each.close()

    drained = min(settings.drain_s + GRACE_S + 1.0, 24.0 - LAST_S)
    ending = [Step(workers, signal.SIGTERM, drained), Step([second, first], signal.SIGTERM, LAST_S)]
    return Parent([first, second, *workers], ending, close)


def _worker(settings: Settings, held: Shared, number: int, common: list[socket], own: list[socket]) -> Role:
    mine = [*common, *own[number : number + 1]]
    others = [each.fileno() for each in own if each not in mine]
    return Role(f"worker {number}", partial(worker.run, settings, held, number, mine), others)


def _listener(settings: Settings, port: int, stack: ExitStack) -> socket:
    listener = listen(settings.host, port, "choose another with TAILORBIRD_EDGE_PORT, _WORKER_PORTS or _METRICS_PORT")
    stack.callback(listener.close)
    return listener

"""The console's process: topics verified, replica read, then the application served until SIGTERM."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from api import kafka
from api.console.app import Parts, make_app
from api.console.metrics import Metrics
from api.console.records import KafkaRecords
from api.console.sessions import Sessions
from api.console.setup_link import SetupLink
from api.console.store import KafkaStore
from api.console.world import COUNTED, MANAGED, World
from api.replica import Replica
from models.contracts.erasures import Erasures
from models.contracts.errors import UnavailableError
from models.contracts.settings import Settings
from models.contracts.topics import Topic

log = logging.getLogger(__name__)

READ_S = 120.0
"""Longest time to read what is on the topics: catalogues are small, a slow broker is not."""


def run(settings: Settings) -> None:
    """Serves until SIGTERM or Ctrl-C.

    Raises:
        ConfigurationError: a topic is missing or other than declared.
        UnavailableError: no broker answers, or the port is in use.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    kafka.verify(settings.brokers, (*MANAGED, *COUNTED), settings.topic_prefix, settings.partitions)
    world = World(erasures=Erasures(settings.erasure_key))
    replica = _replica(settings, world, MANAGED, "tailorbird-console")
    counting = _replica(settings, world, COUNTED, "tailorbird-console-counts")
    replica.start()
    try:
        if not replica.wait_ready(READ_S):
            raise UnavailableError(
                f"The topics could not be read within {READ_S:.0f} s.", "look at the broker's log and its load"
            )
        counting.start()
        _serve(settings, world, replica)
    finally:
        counting.stop()
        replica.stop()


def _replica(settings: Settings, world: World, topics: Sequence[Topic], name: str) -> Replica:
    return Replica(settings.brokers, settings.topic_prefix, settings.partitions, world.follows(topics), name)


def _serve(settings: Settings, world: World, replica: Replica) -> None:
    setup = SetupLink(Path(settings.data_dir), settings.console_url)
    link = setup.prepare(world.keys.has_owner, os.urandom)
    app = make_app(
        Parts(
            settings=settings,
            world=world,
            store=KafkaStore(settings, replica),
            records=KafkaRecords(settings),
            sessions=Sessions(settings.session_secret.encode() or os.urandom(32), os.urandom),
            setup=setup,
            ready=lambda: replica.ready,
            metrics=_metrics(replica),
            clock=lambda: time.time_ns() // 1_000_000,
            stopwatch=time.monotonic,
            random=os.urandom,
        )
    )
    if link is not None:
        # For the eyes of whoever started it: the link works once, and only until somebody owns the console.
        print(f"Nobody owns this console yet. Make the first key, once, at {link}", flush=True)  # noqa: T201
    _listen(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.console_port,
            log_level=settings.log_level,
            log_config=None,
            access_log=False,  # addresses of people, and the set-up link, stay out of logs
            proxy_headers=False,  # the gate reads them, from trusted proxies only
            server_header=False,
            timeout_graceful_shutdown=15,
        )
    )


def _listen(config: uvicorn.Config) -> None:
    try:
        _Server(config).run()
    except SystemExit as error:
        raise UnavailableError(
            f"Port {config.port} of {config.host} is in use.", "choose another with --console-port"
        ) from error


class _Server(uvicorn.Server):
    """uvicorn drains at SIGTERM and then sends itself the signal again; a drained console has ended well: exit 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        asked = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self.handle_exit) for number in asked}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _metrics(replica: Replica) -> Metrics:
    metrics = Metrics()
    metrics.watch("tailorbird_console_ready", "1 when all topics are in memory", lambda: float(replica.ready))
    metrics.watch("tailorbird_console_records", "Records read from the topics", lambda: float(replica.records))
    metrics.watch("tailorbird_console_unreadable", "Records that could not be read", lambda: float(replica.poison))
    return metrics

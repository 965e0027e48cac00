"""The edge's process: one event loop that answers, a thread that follows Kafka, a thread that ships to it."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from api.edge.access import ServerKeys
from api.edge.app import make_app
from api.edge.hot import hot_protocol
from api.edge.limits import Buckets, Networks
from api.edge.live import Live
from api.edge.metrics import Metrics
from api.edge.replication import FOLLOWED, WRITTEN, Replication, follows
from api.edge.server import Server, listen
from api.edge.shared.profiles import DictProfiles
from api.edge.spool import shipper
from api.edge.spool.commit import GroupCommit
from api.edge.spool.ledger import read_ledger
from api.edge.spool.log import SpoolLog
from api.edge.state import Edge, Phase, Shard
from api.edge.table import DictTable
from api.edge.warm import Warm
from api.kafka import verify
from api.replica import Record, Replica
from models.contracts.errors import UnavailableError
from models.contracts.ids import new_id
from models.contracts.settings import Settings

log = logging.getLogger(__name__)

SWITCH_S = 0.0005
"""How long a thread may keep the interpreter while another waits for it. Measured at 200 queries/s beside worker and
broker on two busy cores (load 16), four runs in turn: 99 of 100 answers within 17 and 30 ms, with Python's default of 5 ms
within 221 and 333 ms; medians alike."""


def run(settings: Settings) -> None:
    """Blocks until SIGTERM.

    Raises:
        ConfigurationError: topics, spool directory or delivery code are not as they must be.
        UnavailableError: no broker, or the port is taken.
    """
    sys.setswitchinterval(SWITCH_S)
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    verify(settings.brokers, (*FOLLOWED, *WRITTEN), settings.topic_prefix, settings.partitions)
    with ExitStack() as stack:
        listener = listen(settings.host, settings.edge_port, "choose another with TAILORBIRD_EDGE_PORT")
        stack.callback(listener.close)
        server, replica = _started(settings, stack)
        server.run([listener])
        if replica.failure is not None:
            raise UnavailableError(
                f"This edge no longer follows Kafka: {replica.failure!r}.", "see its log, start it anew"
            )
        log.info("drained")


def _started(settings: Settings, stack: ExitStack) -> tuple[Server, Replica]:
    """Everything but the socket, started; `stack` closes it in the opposite order."""
    metrics, live, keys = Metrics(), Live(), ServerKeys()
    table, profiles = DictTable(), DictProfiles(settings.overlay_customers)
    warm = Warm(profiles, settings.overlay_customers)
    shard = Shard.of(settings)

    log_ = SpoolLog(
        Path(settings.data_dir) / "spool" / settings.edge_id / "0",
        new_id(os.urandom)[:8],
        settings.spool_segment_bytes,
        settings.spool_max_bytes,
    )
    stack.callback(log_.close)

    def failed(reason: str, events: int) -> None:
        metrics.spool_failures.inc(events)
        log.error("events could not be kept: %s", reason)

    spool = GroupCommit(log_, to_disk=settings.spool_sync == "disk", on_failure=failed)
    stack.callback(spool.close)
    tally, stop = shipper.Tally(), threading.Event()

    def noted(now: shipper.Tally) -> None:
        nonlocal tally
        for _ in range(now.rejected - tally.rejected):
            metrics.rejected("spool")
        metrics.spool_oldest.set(now.oldest)
        metrics.spool_damaged.set(now.damaged)
        tally = now

    shipping = threading.Thread(target=shipper.run, args=(settings, stop.is_set, noted), name="shipper", daemon=True)
    shipping.start()
    stack.callback(shipping.join, shipper.SHIP_S + 5)
    stack.callback(stop.set)

    replication = Replication(table, profiles, metrics)

    def poison(record: Record, reason: str) -> None:
        metrics.rejected(record.topic.name)
        log.warning("unreadable record %s/%d/%d: %s", record.topic.name, record.partition, record.offset, reason)

    def after_batch() -> None:
        metrics.heard()
        live.compile()
        replication.measuring = replica.ready

    replica = Replica(
        settings.brokers,
        settings.topic_prefix,
        settings.partitions,
        follows(settings, shard, live, keys, replication),
        settings.edge_id,
        poison,
        after_batch,
    )
    replica.start()
    stack.callback(replica.stop)

    phase = Phase(lambda: replica.ready)
    edge = Edge(
        settings=settings,
        phase=phase,
        shard=shard,
        live=live,
        table=table,
        warm=warm,
        keys=keys,
        spool=spool,
        metrics=metrics,
        merchants=Buckets(settings.merchant_rate, "merchant"),
        networks=Buckets(settings.network_rate, "network"),
        network=Networks(settings.trusted_proxies.split(",")),
    )
    metrics.ask("spool_pending", lambda: spool.written - (read_ledger(log_.directory) or 0))
    metrics.ask("spool_bytes", lambda: log_.size)
    metrics.ask("customers", lambda: len(table))
    metrics.ask("warm_customers", lambda: len(warm))
    metrics.ask("merchants", lambda: len(live.merchants))
    metrics.ask("refused_publications", lambda: live.refused)

    def drain() -> None:
        phase.draining = True

    server = Server(make_app(edge), settings, drain, lambda: replica.failure is not None, hot_protocol(edge))
    return server, replica

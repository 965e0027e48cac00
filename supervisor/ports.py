"""Where each process of one system listens: derived from the port base as `models.contracts.settings` declares."""

import socket
from dataclasses import dataclass

from models.contracts import settings
from models.contracts.errors import UnavailableError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """`entry` is where queries go: the only edge, or the balancer before several `edges`."""

    entry: int
    edges: tuple[int, ...]
    console: int
    worker: int
    trainer: int
    broker: int
    controller: int

    @classmethod
    def of(cls, base: int, edges: int) -> "Ports":
        entry = base + settings.EDGE_PORT
        further = base + settings.FURTHER_EDGES_PORT
        return cls(
            entry=entry,
            edges=(entry,) if edges == 1 else tuple(range(further, further + edges)),
            console=base + settings.CONSOLE_PORT,
            worker=base + settings.WORKER_PORT,
            trainer=base + settings.TRAINER_PORT,
            broker=base + settings.BROKER_PORT,
            controller=base + settings.BROKER_PORT + 1,
        )

    def refuse_used(self, *, own_broker: bool) -> None:
        """Raises UnavailableError naming every port of these that something else listens on."""
        wanted = {self.entry, *self.edges, self.console, self.worker, self.trainer}
        if own_broker:
            wanted |= {self.broker, self.controller}
        used = [port for port in sorted(wanted) if _is_used(port)]
        if used:
            raise UnavailableError(
                f"In use on {LOOPBACK}: port {', '.join(map(str, used))}.",
                "choose others with --port-base, or end what listens there",
            )


def _is_used(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False

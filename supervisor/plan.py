"""Which processes make up the system, with what settings, ready when."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Literal, NamedTuple

from models.contracts.settings import variable
from streams.brokers import probe
from supervisor.balancer import configuration, haproxy
from supervisor.part import Part, http_ready
from supervisor.ports import LOOPBACK, Ports
from supervisor.priority import BEHIND, LAST

WORKERS_EACH = 64  # the most workers of one edge
Engine = Literal["tansu", "kafka"]


class Plan(NamedTuple):
    """What was asked for. `brokers` None: a broker of our own with `engine`."""

    ports: Ports
    data: Path
    brokers: str | None
    engine: Engine
    secret: str = ""
    """What edges and console share, for debug tokens and signed identities."""

    @property
    def bootstrap(self) -> str:
        return self.brokers or f"{LOOPBACK}:{self.ports.broker}"

    def setup_link(self) -> str | None:
        """The one-time link with which the console's first owner makes a key; None where somebody owns it."""
        try:
            return (self.data / "console" / "setup-link").read_text().strip()  # as api.console.setup_link writes it
        except FileNotFoundError:
            return None

    def url(self, port: int) -> str:
        return f"http://{LOOPBACK}:{port}"


def broker(plan: Plan) -> Part:
    """The broker of our own."""
    address = f"{LOOPBACK}:{plan.ports.broker}"

    async def ready() -> bool:
        return await asyncio.to_thread(probe.answers, address)

    flags = ("--engine", plan.engine, "--port", str(plan.ports.broker), "--data", str(plan.data / "kafka"))
    return Part("broker", _command("broker", *flags), ready, nice=BEHIND)


def processes(plan: Plan) -> list[Part]:
    """Worker, trainer, console and the edges, in the order of their start; they end in the opposite order."""
    ports = plan.ports
    return [
        _process(plan, "worker", ports.worker, nice=BEHIND, worker_port=ports.worker),
        _process(plan, "trainer", ports.trainer, nice=LAST, trainer_port=ports.trainer),
        _process(
            plan,
            "console",
            ports.console,
            nice=BEHIND,
            console_port=ports.console,
            console_url=plan.url(ports.console),
            edge_url=plan.url(ports.entry),
            shared_secret=plan.secret,
        ),
        *(
            _process(
                plan,
                f"edge-{number}",
                port,
                command="edge",
                edge_port=port,
                edge_id=f"edge-{number}",
                # Whoever sets TAILORBIRD_WORKERS gets workers of several edges side by side.
                worker_ports=min(ports.entry + 1000 + WORKERS_EACH * (number - 1), 65535 - WORKERS_EACH),
                edge_url=plan.url(ports.entry),
                shared_secret=plan.secret,
            )
            for number, port in enumerate(ports.edges, start=1)
        ),
    ]


def balancer(plan: Plan) -> Part | None:
    """HAProxy before several edges; None before a single one. Raises UnavailableError where it is not installed."""
    if len(plan.ports.edges) == 1:
        return None
    program = haproxy()
    file = plan.data / "haproxy.cfg"
    file.write_text(
        configuration(f"{LOOPBACK}:{plan.ports.entry}", [f"{LOOPBACK}:{port}" for port in plan.ports.edges])
    )
    return Part(
        "balancer",
        (program, "-db", "-f", str(file)),
        http_ready(plan.url(plan.ports.entry) + "/readyz"),
        stop_signal=signal.SIGUSR1,  # soft stop: no new connections, the open ones end
        grace=5.0,
    )


def _process(
    plan: Plan, name: str, port: int, *, command: str | None = None, nice: int = 0, **settings: object
) -> Part:
    values = {"brokers": plan.bootstrap, "data_dir": plan.data / name, **settings}
    return Part(
        name,
        _command(command or name),
        http_ready(plan.url(port) + "/readyz"),
        {variable(key): str(value) for key, value in values.items()},
        nice=nice,
    )


def _command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "tailorbird", *arguments)

"""`tailorbird up` and `tailorbird balancer`."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Literal

import click

from models.contracts.settings import PORT_BASE


@click.command()
@click.option("--brokers", help="Kafka bootstrap servers. Default: a broker of its own.")
@click.option("--engine", type=click.Choice(["kafka", "tansu"]), help="Which broker of its own. Default: what is here.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Where to keep data.  [default: var/up]")
@click.option("--port-base", type=click.IntRange(1, 65000), default=PORT_BASE, show_default=True)
@click.option("--edges", type=click.IntRange(1, 64), default=1, show_default=True, help="More stand behind HAProxy.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON on standard output when ready.")
def up(
    brokers: str | None,
    engine: Literal["kafka", "tansu"] | None,
    data: Path | None,
    port_base: int,
    edges: int,
    as_json: bool,
) -> None:
    """Run the whole system on this machine until Ctrl-C."""
    from cli.flags import resolve
    from supervisor import up as room
    from supervisor.log import Log
    from supervisor.plan import Plan
    from supervisor.ports import Ports

    resolve({})  # an unknown variable is said here, once, and not by every process
    ports = Ports.of(port_base, edges)
    ports.refuse_used(own_broker=brokers is None)
    plan = Plan(ports, room.folder(data), brokers, engine or room.engine_here())
    addresses = {
        "edge": plan.url(ports.entry),
        "console": plan.url(ports.console),
        "broker": plan.bootstrap,
        "worker": plan.url(ports.worker),
        "trainer": plan.url(ports.trainer),
    }

    def when_ready() -> None:
        setup = plan.setup_link()
        if as_json:
            click.echo(json.dumps({**addresses, "setup": setup}))
            sys.stdout.flush()
            return
        for name in ("edge", "console", "broker"):
            click.echo(f"{name:<8} {addresses[name]}")
        if setup is not None:
            click.echo(f"Nobody owns the console yet. Make the first key, once, at {setup}")

    if brokers is None:
        keeps = (
            "on disk" if plan.engine == "kafka" else "in memory; compacted topics are kept at the end and each minute"
        )
        click.echo(f"Broker: {plan.engine}, {keeps}, under {plan.data}", err=True)
    names = ["broker", "balancer", "worker", "trainer", "console", *(f"edge-{n + 1}" for n in range(edges))]
    asyncio.run(room.run(plan, Log(names), when_ready))


@click.group()
def balancer() -> None:
    """Configuration of a balancer before several edges."""


@balancer.command()
@click.option("--bind", help="Where queries arrive, host:port.  [default: that of edge-url's port]")
@click.argument("edges", nargs=-1, required=True, metavar="HOST:PORT...")
def haproxy(bind: str | None, edges: tuple[str, ...]) -> None:
    """Print haproxy.cfg (2.6 or later) for these edges: a customer stays on one, a lost one moves only its share."""
    from cli.flags import resolve
    from supervisor.balancer import configuration

    settings: Any = resolve({})
    click.echo(configuration(bind or f"*:{settings.edge_port}", edges), nl=False)

"""`tailorbird up` and `tailorbird balancer`."""

import asyncio
import json
import sys
from collections.abc import Callable
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
    names = ["broker", "balancer", "worker", "trainer", "console", "snapshot", *(f"edge-{n + 1}" for n in range(edges))]
    asyncio.run(room.run(plan, Log(names), when_ready))


@click.group()
def balancer() -> None:
    """Configuration of a balancer before several edges."""


def _made(name: str, says: str) -> Callable[[Callable[..., str]], click.Command]:
    """A command that prints a configuration for the edges of its command line."""

    def command(render: Callable[..., str]) -> click.Command:
        @click.option("--bind", help="Where queries arrive, host:port.  [default: every address, the edge's port]")
        @click.option(
            "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Workers of each edge."
        )
        @click.option("--trusted", multiple=True, metavar="ADDRESS", help="A proxy before this one, or its network.")
        @click.argument("edges", nargs=-1, required=True, metavar="[I/N=]HOST:PORT...")
        def printed(
            bind: str | None, workers: int, trusted: tuple[str, ...], edges: tuple[str, ...], **more: str
        ) -> None:
            from cli.flags import resolve
            from supervisor.balancer import fleet

            settings: Any = resolve({})
            where = bind or f"*:{settings.edge_port}"
            click.echo(render(fleet(where, edges, workers, trusted, settings), **more), nl=False)

        return balancer.command(name, help=says)(printed)

    return command


@_made("haproxy", "Print haproxy.cfg (2.6 or later): a customer stays on one worker, a lost one moves only its share.")
def haproxy(fleet: Any) -> str:
    from supervisor.balancer.haproxy import rendered

    return rendered(fleet)


@_made("nginx", "Print nginx.conf (1.22 or later): the same without health checks.")
def nginx(fleet: Any) -> str:
    from supervisor.balancer.nginx import rendered

    return rendered(fleet)


@_made("envoy", "Print envoy.yaml (1.30 or later).")
def envoy(fleet: Any) -> str:
    from supervisor.balancer.envoy import rendered

    return rendered(fleet)


def _kubernetes(fleet: Any, host: str) -> str:
    from supervisor.balancer.kubernetes import rendered

    return rendered(fleet, host)


kubernetes = click.option("--host", required=True, help="Public name of the edges.")(
    _made("kubernetes", "Print manifests: an Ingress, and HAProxy behind it.")(_kubernetes)
)

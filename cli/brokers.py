"""`tailorbird broker`: a broker on this machine, in the foreground."""

from pathlib import Path

import click

from models.contracts.errors import UnavailableError
from models.contracts.settings import BROKER_PORT, PORT_BASE

ENGINES = ("tansu", "kafka")


@click.command()
@click.option("--engine", type=click.Choice(ENGINES), default="tansu", show_default=True, help="Embedded, or Kafka.")
@click.option("--port", type=click.IntRange(1, 65535), default=PORT_BASE + BROKER_PORT, show_default=True)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/kafka"),
    show_default=True,
    help="Where Apache Kafka keeps its data.",
)
def broker(engine: str, port: int, data: Path) -> None:
    """Run a broker on this machine: the embedded one (in memory), or Apache Kafka from Maven's jars (on disk)."""
    from streams.brokers import Broker, Kafka, Tansu
    from supervisor.orderly import until_asked

    one: Broker = Kafka(data, port, port + 1) if engine == "kafka" else Tansu(port=port)
    with until_asked():
        with one:
            click.echo(f"{engine} serves {one.address}")
            code = one.wait()
        raise UnavailableError(f"The broker ended by itself with code {code}.", "look at what it said above")

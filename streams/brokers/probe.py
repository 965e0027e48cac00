"""Asks a broker for its metadata over one plain socket: what "ready" means, without a client library."""

import socket
import struct

_METADATA, _VERSION = 3, 1  # the oldest version that names the controller; Kafka 4 and Tansu both answer it


def _string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _request() -> bytes:
    no_topics = struct.pack(">i", 0)
    body = struct.pack(">hhi", _METADATA, _VERSION, 1) + _string("tailorbird-probe") + no_topics
    return struct.pack(">i", len(body)) + body


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError("closed before the answer was complete")
        data += more
    return data


def brokers_known(host: str, port: int, timeout: float = 1.0) -> int:
    """How many brokers the one at `host:port` names in its metadata.

    Raises OSError while it cannot be asked. 0 is the answer of a KRaft broker that is up but not yet unfenced.
    """
    with socket.create_connection((host, port), timeout) as connection:
        connection.sendall(_request())
        (size,) = struct.unpack(">i", _exactly(connection, 4))
        answer = _exactly(connection, size)
    _correlation, brokers = struct.unpack_from(">ii", answer)
    return int(brokers)


def answers(address: str, timeout: float = 1.0) -> bool:
    """Whether a broker at `host:port` serves clients now."""
    host, _, port = address.rpartition(":")
    try:
        return brokers_known(host, int(port), timeout) > 0
    except (OSError, struct.error):
        return False

"""The hot door answers as the plain Starlette route does, byte for byte, and keeps the same events."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings

from api.edge.connection import Bounded, Connecting
from api.edge.hot import hot_protocol
from api.edge.state import Edge
from models.contracts.events import Event
from tests.support.connection import Connection, cut, server
from tests.unit.api.conftest import Bench
from tests.unit.api.traffic import broken, unusual, usual

#: Requests of one run. `pytest --hypothesis-profile=long` sends a hundred thousand.
REQUESTS = 100_000 if settings().max_examples >= 2_000 else 2_000


class Doors:
    """Two edges with the same past, one behind each door."""

    def __init__(self, make: Callable[..., Bench], **more: Any) -> None:
        self.benches = [make(network_rate=0, merchant_rate=0, **more) for _ in range(2)]
        self.draws = [random.Random(), random.Random()]
        edges: list[Edge] = [
            replace(bench.edge, random=draw.randbytes) for bench, draw in zip(self.benches, self.draws, strict=True)
        ]
        self.configs = [server(edge) for edge in edges]
        self.connections = 0
        self.kinds: list[Connecting] = [hot_protocol(edges[0]), Bounded]

    async def both(self, pieces: list[bytes]) -> tuple[bytes, bytes]:
        """What comes back of a connection through each door."""
        found = []
        self.connections += 1
        for kind, config, draw in zip(self.kinds, self.configs, self.draws, strict=True):
            draw.seed(self.connections)
            connection = Connection(kind, config)
            await connection.send(*pieces)
            found.append(connection.answer)
            await connection.close()
        return found[0], found[1]

    def events(self) -> tuple[list[Event], list[Event]]:
        hot, plain = (bench.spooled() for bench in self.benches)
        return hot, plain


async def test_the_same_requests_get_the_same_bytes(make_bench: Callable[..., Bench], seeded: random.Random) -> None:
    doors = Doors(make_bench)
    sent = answered = 0
    while sent < REQUESTS:
        count = seeded.choice([1, 1, 1, 2, 3, 6])
        requests = [usual(seeded) if seeded.random() < 0.75 else unusual(seeded) for _ in range(count)]
        stream = b"".join(requests)
        cuts = [seeded.randrange(len(stream)) for _ in range(seeded.choice([0, 0, 0, 1, 2, 5, 30]))]
        if seeded.random() < 0.2:  # in a packet of its own: uvicorn drops the answers to what came in the same one
            cuts.append(len(stream))
            stream += broken(seeded)
            count += 1
        pieces = cut(stream, cuts)
        hot, plain = await doors.both(pieces)
        assert hot == plain, f"{pieces}\nhot: {hot!r}\nplain: {plain!r}"
        sent += count
        answered += hot.count(b"HTTP/1.1 200 OK")
    hot_events, plain_events = doors.events()
    assert hot_events == plain_events
    assert answered > sent / 5  # or the generator asks for nothing that can be answered


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_request_may_be_split_at_every_byte(make_bench: Callable[..., Bench], seed: int) -> None:
    doors, draw = Doors(make_bench), random.Random(seed)
    stream = next(one for one in iter(lambda: usual(draw), b"") if b"Origin" in one and b'"granted"' in one)
    for place in range(1, len(stream)):
        hot, plain = await doors.both([stream[:place], stream[place:]])
        assert hot == plain, place
    assert hot.startswith(b"HTTP/1.1 ")


async def test_one_byte_at_a_time(make_bench: Callable[..., Bench]) -> None:
    doors, draw = Doors(make_bench), random.Random(3)
    stream = usual(draw) + usual(draw)
    hot, plain = await doors.both(cut(stream, range(len(stream))))
    assert hot == plain
    assert hot.count(b"HTTP/1.1 ") == 2

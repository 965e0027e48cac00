"""Faust as its tutorial shows it: a Record model, a Table, one event at a time, and a topic for what comes out."""

from __future__ import annotations

import sys
from typing import Any

import faust

from bench.stream_parts import toy


class Event(faust.Record, serializer="json"):
    client: str
    customer: str
    session: str
    placement: str
    content: str
    ts: float


def main(broker: str, target: int, prefix: str, state: str) -> None:
    app = faust.App(
        prefix + "faust",
        broker=f"kafka://{broker}",
        store="memory://",
        topic_partitions=toy.PARTITIONS,
        topic_replication_factor=1,
        web_enabled=False,
        value_serializer="json",
        datadir=state,
    )
    events = app.topic(toy.EVENTS, key_type=bytes, value_type=Event)
    output = app.topic(prefix + toy.PROFILES, key_type=bytes, value_type=bytes)
    table: Any = app.Table("profiles", default=toy.new, partitions=toy.PARTITIONS)
    progress = toy.Progress(target)

    async def agent(stream: Any) -> None:
        async for event in stream:
            ended = progress.add(1)
            profile = table[event.customer]
            toy.update(profile, event.session, event.placement, event.content, event.ts)
            table[event.customer] = profile
            sent: Any = output.send(key=event.customer.encode(), value=profile)
            await sent
            if ended:
                toy.say("done")
                return

    app.agent(events)(agent)
    sys.argv = [sys.argv[0], "worker", "--without-web", "-l", "warn"]
    app.main()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])

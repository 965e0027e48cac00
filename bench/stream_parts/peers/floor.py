"""The floor: a plain confluent-kafka loop in batches, profiles as live objects, written once a batch. No guard, no
restoring of what it knew: what a stream processor must add to this is what it costs."""

from __future__ import annotations

import sys
import time
from typing import Any

import msgspec
from confluent_kafka import Consumer, Producer

from bench.stream_parts import toy

BATCH = 4000
COMMIT_S = 1.0

loads, dumps = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode


def main(broker: str, target: int, prefix: str) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": prefix,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 100,
            "fetch.queue.backoff.ms": 10,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": broker,
            "linger.ms": 5,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    consumer.subscribe([toy.EVENTS])
    progress = toy.Progress(target)
    profiles: dict[bytes, list[Any]] = {}
    committed, ended, output = time.monotonic(), False, prefix + toy.PROFILES
    while not ended:
        messages = consumer.consume(BATCH, 0.5)
        if not messages:
            continue
        if messages[0].error():
            raise SystemExit(str(messages[0].error()))
        ended = progress.add(len(messages))
        dirty: dict[bytes, tuple[list[Any], int]] = {}
        for message in messages:
            key = message.key() or b""
            profile = profiles.get(key)
            if profile is None:
                profile = profiles[key] = toy.new()
            event = loads(message.value() or b"")
            toy.update(profile, event["session"], event["placement"], event["content"], event["ts"])
            dirty[key] = profile, message.partition() or 0
        for key, (profile, partition) in dirty.items():
            producer.produce(output, dumps(profile), key, partition)
        producer.poll(0)
        if ended or time.monotonic() - committed > COMMIT_S:
            producer.flush()
            consumer.commit(asynchronous=False)
            committed = time.monotonic()
    toy.finished()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])

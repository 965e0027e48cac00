"""The comparison job in Quix Streams (own environment): a stateful apply, state with a changelog, and a topic out."""

from __future__ import annotations

import sys
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]  # it has an environment of its own

from bench.stream_parts import toy


def main(broker: str, target: int, prefix: str, state: str) -> None:
    app = Application(
        broker_address=broker,
        consumer_group=prefix + "quix",
        auto_offset_reset="earliest",
        state_dir=state,
        commit_interval=1.0,
        loglevel="WARNING",
        producer_extra_config={"linger.ms": 5},
    )
    progress = toy.Progress(target)
    ended = False

    def fold(event: dict[str, Any], kept: Any) -> list[Any]:
        nonlocal ended
        ended = progress.add(1)
        profile = kept.get("profile") or toy.new()
        toy.update(profile, event["session"], event["placement"], event["content"], event["ts"])
        kept.set("profile", profile)
        return profile

    def done(_: Any) -> None:
        if ended:
            app.stop()

    frame = app.dataframe(app.topic(toy.EVENTS, value_deserializer="json", key_deserializer="bytes"))
    frame = frame.apply(fold, stateful=True)
    frame = frame.to_topic(app.topic(prefix + toy.PROFILES, value_serializer="json", key_serializer="bytes"))
    frame.update(done)
    app.run()
    toy.finished()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])

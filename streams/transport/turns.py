"""Whose turn it is: of a busy consumer's partitions a part is asked for at a time."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Final

from aiokafka import TopicPartition

PARTS: Final = 2
"""Fetches in which each partition that flows is asked for once. What comes for all of them at once waits until those before
it are folded; what comes in two answers waits half as long."""

Asked = Sequence[tuple[str, Sequence[tuple[int, int, int]]]]
"""By topic (partition, offset, most bytes), as a fetch request has it."""


class Turns:
    """A partition flows when its last answer had records. Of those that flow the ones are asked for that have waited
    longest; whatever is quiet is asked for each time."""

    def __init__(self) -> None:
        self._flowing: dict[TopicPartition, int] = {}
        self._answers = 0

    def of(self, asked: Asked) -> Asked:
        """The part of `asked` whose turn it is; `asked` itself where that is all."""
        flowing = [tp for tp in _each(asked) if tp in self._flowing]
        if len(flowing) < 2 * PARTS:
            return asked
        flowing.sort(key=self._flowing.__getitem__)
        later = set(flowing[-(-len(flowing) // PARTS) :])
        part = [
            (topic, [each for each in partitions if TopicPartition(topic, each[0]) not in later])
            for topic, partitions in asked
        ]
        return [(topic, partitions) for topic, partitions in part if partitions]

    def answered(self, asked: Asked, came: Container[TopicPartition]) -> None:
        """Notes which of those that were asked for had records."""
        self._answers += 1
        for tp in _each(asked):
            if tp in came:
                self._flowing[tp] = self._answers
            else:
                self._flowing.pop(tp, None)


def _each(asked: Asked) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for topic, partitions in asked for partition, *_ in partitions]

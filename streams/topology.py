"""What a broker has beside what `models.contracts.topics` declares: pure judgement, whatever client asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from models.contracts.errors import ConfigurationError
from models.contracts.topics import Topic

State = Literal["right", "missing", "policy", "config", "partitions"]
CLEANUP = "cleanup.policy"


class Found(Struct, frozen=True):
    """One declared topic as the broker has it. `differs`: its settings that are other than declared."""

    topic: Topic
    name: str
    declared: int
    partitions: int | None
    differs: dict[str, str | None]

    @property
    def state(self) -> State:
        """What is wrong with it, the gravest first; `config` is a setting that no process depends on."""
        if self.partitions is None:
            return "missing"
        if self.partitions != self.declared:
            return "partitions"
        if CLEANUP in self.differs:
            return "policy"
        return "config" if self.differs else "right"


def judge(topic: Topic, name: str, partitions: int | None, config: Mapping[str, str | None], default: int) -> Found:
    """Compares; `config` is what the broker says of the topic.

    A setting that the broker does not name cannot be judged: the embedded one names only some.
    """
    declared = topic.config()
    differs = {key: config[key] for key in declared if key in config and config[key] != declared[key]}
    return Found(topic, name, topic.partition_count(default), partitions, {} if partitions is None else differs)


def require(found: Iterable[Found]) -> None:
    """Raises ConfigurationError where a process must not start: a topic is missing, compacts wrongly, or is cut
    otherwise. A table on a topic that deletes would forget customers without a word."""
    for each in found:
        match each.state:
            case "missing":
                raise ConfigurationError(f"Topic {each.name} is missing.", "tailorbird topics apply")
            case "policy":
                raise ConfigurationError(
                    f"Topic {each.name} has cleanup policy {each.differs[CLEANUP]}, needed is {each.topic.cleanup}.",
                    "tailorbird topics apply",
                )
            case "partitions":
                raise other_partitions(each)


def other_partitions(each: Found) -> ConfigurationError:
    """Another number of partitions moves keys, so no command changes it."""
    return ConfigurationError(
        f"Topic {each.name} has {each.partitions} partitions, declared are {each.declared}; another number moves keys.",
        f"set partitions to {each.partitions}, or begin a new generation of topics with another topic_prefix,"
        " replay into it and switch",
    )

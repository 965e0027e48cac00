"""Everything private of Faust and aiokafka that the transport overrides or reads, in one place, checked at the start."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from models.contracts.errors import ConfigurationError

CHECKED: Final = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}
"""The versions whose source was read; a patch release may move any of the names below."""

USED: Final = {
    "faust.transport.drivers.aiokafka:Consumer": (
        "getmany", "_new_consumer_thread", "_wait_next_records", "_new_offset", "_add_gap", "_is_changelog_tp", "_to_message", "_getmany",
        "perform_seek", "seek_to_committed", "seek_wait", "resume_partitions", "resume_flow", "stop_flow", "on_buffer_full", "on_partitions_revoked",
        "commit", "maybe_wait_for_commit_to_finish",
    ),
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread": ("_create_worker_consumer", "_fetch_records"),
    "mode.threads:ServiceThread": ("stop",),
    "mode.threads:WorkerThread": ("stop",),
    "faust.tables.recovery:Recovery": (
        "revoke", "flush_buffers", "active_remaining_total", "on_rebalance", "on_recovery_completed", "_wait", "wait_first", "signal_recovery_start",
    ),
    "faust:Schema": ("compile",),
    "faust.tables:TableManager": ("changelog_queue", "recovery"),
    "faust:App": ("on_rebalance_start",),
    "mode.utils.queues:ThrowableQueue": ("get", "clear", "_wakeup_next"),
    "faust.tables.base:Collection": ("_changelog_topic_name", "persisted_offset", "on_changelog_event", "apply_changelog_batch", "on_rebalance", "on_recovery_completed"),
    "aiokafka.consumer.fetcher:Fetcher": ("error_future", "_proc_fetch_request"),
    "aiokafka.consumer.group_coordinator:GroupCoordinator": ("check_errors", "request_rejoin"),
    "aiokafka.consumer.fetcher:PartitionRecords": ("_unpack_records",),
    "aiokafka:AIOKafkaProducer": ("create_batch", "send_batch"),
}  # fmt: skip
"""Class -> its methods that are overridden or called."""

FIELDS: Final = (
    "App.rebalancing_count", "TableManager._recovery", "TableManager._changelog_queue", "ThrowableQueue._queue", "ThrowableQueue._putters", "ThrowableQueue._errors",
    "Consumer._thread", "ServiceThread._started", "ServiceThread._thread", "Consumer._read_offset", "Consumer._acked", "Consumer._acked_index", "Consumer._buffered_partitions",
    "AIOKafkaConsumer._coordinator", "AIOKafkaConsumer._fetcher", "AIOKafkaConsumer._fetch_max_wait_ms", "AIOKafkaConsumer._fetch_min_bytes", "AIOKafkaConsumer._max_partition_fetch_bytes", "AIOKafkaConsumer._fetch_max_bytes",
    "AIOKafkaConsumer._key_deserializer", "Fetcher._key_deserializer", "Fetcher._fetch_max_wait_ms", "Fetcher._fetch_min_bytes", "Fetcher._records", "FetchRequest._topics", "FetchRequest._min_bytes", "PartitionRecords._key_deserializer", "PartitionRecords._records",
    "PartitionRecords._check_crcs", "PartitionRecords.next_fetch_offset", "AIOKafkaProducer._message_accumulator._batch_ttl",
)  # fmt: skip
"""Instance fields that are read or set; they exist only on instances, so the version is their only check."""


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    found = __import__(module, fromlist=[name])
    return getattr(found, name)


def check() -> None:
    """Raises ConfigurationError where the installed libraries are not those that the transport was written against."""
    for name, wanted in CHECKED.items():
        installed = version(name)
        if installed != wanted:
            raise ConfigurationError(
                f"{name} {installed} is installed; the worker overrides private parts of {wanted}.",
                f"pip install {name}=={wanted}, or check streams/transport/privates.py against {installed}",
            )
    for target, names in USED.items():
        owner = _load(target)
        for name in names:
            if not hasattr(owner, name):
                raise ConfigurationError(
                    f"{target} has no {name}, which the worker overrides.", "install the locked versions: scripts/setup"
                )

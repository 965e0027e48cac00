"""A broker on this machine: Tansu from a wheel, or Apache Kafka from Maven's jars. The tests use the same classes."""

from streams.brokers.base import Broker, free_port
from streams.brokers.kafka import Kafka
from streams.brokers.tansu import Tansu

__all__ = ["Broker", "Kafka", "Tansu", "free_port"]

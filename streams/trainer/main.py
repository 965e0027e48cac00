"""`tailorbird trainer`: looks every second at what is due, trains, publishes."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from models.contracts.errors import ConfigurationError, UnavailableError
from models.contracts.settings import Settings
from streams import admin
from streams.health import Health
from streams.reading import Mirror
from streams.trainer import due
from streams.trainer.state import READ, STATED, Customers, State, states
from streams.trainer.work import Trained, Write, new_model, new_tables

log = logging.getLogger(__name__)
LOOK_S = 1.0
SEND_S = 30.0


class Metrics:
    """What the trainer says of itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.models = Counter(
            "tailorbird_trainer_models", "Models by what became of them", ["result"], registry=self.registry
        )
        self.tables = Counter("tailorbird_trainer_tables", "Content tables published", registry=self.registry)
        self.seconds = Histogram(
            "tailorbird_trainer_training_seconds", "Time one training took", registry=self.registry
        )
        self.profiles = Gauge("tailorbird_trainer_profiles", "Profiles read", registry=self.registry)
        self.read_at = Gauge(
            "tailorbird_trainer_read_timestamp_seconds",
            "When the topics were last read to their end",
            registry=self.registry,
        )


class Trainer:
    """Reads the topics, does what is due, writes."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Raises ConfigurationError or UnavailableError where it cannot start."""
        admin.verify(settings, READ)
        self._settings = settings
        self._metrics = metrics
        self._customers = Customers()
        self._mirror = Mirror(settings.brokers, settings.topic_prefix, READ, self._customers.record)
        self._producer: Any = KafkaProducer(bootstrap_servers=settings.brokers.split(","), acks="all", linger_ms=0)
        self._done: dict[str, due.Done] = {}
        self._known: dict[str, State] = {}

    def look(self) -> None:
        """One round: what came, what is due."""
        if self._mirror.catch_up().intersection(topic.name for topic in STATED):
            self._known = states(self._mirror.rows)
        counts, known = self._customers.counts, self._known
        self._metrics.profiles.set(sum(counts.values()))
        self._metrics.read_at.set(time.time())
        for merchant in sorted(counts.keys() | known.keys()):
            self._serve(merchant, known.get(merchant) or State(), counts.get(merchant, 0))

    def _serve(self, merchant: str, state: State, count: int) -> None:
        done = self._done.setdefault(merchant, due.Done())
        least, every, now = self._settings.train_min_customers, self._settings.train_every_s, time.monotonic()
        moved, heard = self._customers.moved, self._customers.heard
        if due.training(done, state.live, count, least, every, now, moved=merchant in moved):
            done.trained_with = count
            trained = self.train(merchant, state)
            moved.discard(merchant)
            done.trained_at = time.monotonic()
            if trained.model.refused is None:
                state.models[trained.model.version] = trained.model
                state.live_version = trained.model.version
        if state.live_publication is not None:
            of = state.live_publication.version, state.live_version
            if due.tables(done, of, every, now, heard=merchant in heard):
                self.make_tables(merchant, state)
                heard.discard(merchant)
                done.tables_at, done.tables_of = now, of

    def train(self, merchant: str, state: State) -> Trained:
        """Trains one merchant now and publishes what passes the gates."""
        began = time.perf_counter()
        trained = new_model(self._mirror.rows, state, merchant, _now(), self._settings.train_seed)
        self._metrics.seconds.observe(time.perf_counter() - began)
        self._write(trained.writes)
        refused = trained.model.refused
        self._metrics.models.labels("refused" if refused else "published").inc()
        log.info(
            "%s: model %d %s, %d segments of %d customers, %.1f s",
            merchant, trained.model.version, f"refused ({refused})" if refused else "is live",
            len(trained.model.segments), trained.model.customers, time.perf_counter() - began,
        )  # fmt: skip
        return trained

    def make_tables(self, merchant: str, state: State) -> int:
        """Publishes the content tables that changed; how many."""
        writes = new_tables(self._mirror.rows, state, merchant, _now(), self._settings.train_seed)
        self._write(writes)
        self._metrics.tables.inc(len(writes))
        return len(writes)

    def once(self, merchant: str | None) -> list[Trained]:
        """Trains one merchant, or every one that has profiles, without waiting for enough customers."""
        self._mirror.catch_up()
        counts, known = self._customers.counts, states(self._mirror.rows)
        if merchant is not None and merchant not in counts:
            raise ConfigurationError(f"Merchant {merchant!r} has no profiles.", "name one that has visitors")
        results = []
        for name in sorted(counts) if merchant is None else [merchant]:
            state = known.get(name) or State()
            trained = self.train(name, state)
            if trained.model.refused is None:
                state.models[trained.model.version] = trained.model
                state.live_version = trained.model.version
            self.make_tables(name, state)
            results.append(trained)
        return results

    def _write(self, writes: Iterable[Write]) -> None:
        try:
            sent = [
                self._producer.send(each.topic.on(self._settings.topic_prefix), key=each.key, value=each.value)
                for each in writes
            ]
            for future in sent:
                future.get(timeout=SEND_S)
        except KafkaError as error:
            raise UnavailableError(
                f"The broker at {self._settings.brokers} took no record ({type(error).__name__}).", "look at its log"
            ) from error

    def close(self) -> None:
        """Ends the connections."""
        self._producer.close(timeout=5)
        self._mirror.close()


def _now() -> int:
    return int(time.time() * 1000)


def _log(settings: Settings) -> None:
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("kafka").setLevel(logging.DEBUG if settings.log_level == "debug" else logging.ERROR)


def train_once(settings: Settings, merchant: str | None) -> None:
    """Trains now, says what became of it, and ends."""
    _log(settings)
    trainer = Trainer(settings, Metrics())
    try:
        for trained in trainer.once(merchant):
            model = trained.model
            verdict = f"refused: {model.refused}" if model.refused else "live"
            sys.stdout.write(f"{model.merchant}  {model.version}  {len(model.segments)} segments  {verdict}\n")
    finally:
        trainer.close()


def run(settings: Settings) -> None:
    """Blocks until SIGTERM or SIGINT. Raises ConfigurationError or UnavailableError where it cannot start."""
    _log(settings)
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    metrics = Metrics()
    missing: list[str | None] = ["the topics have not been read yet"]
    with Health(settings.host, settings.trainer_port, metrics.registry, lambda: missing[0]):
        trainer = Trainer(settings, metrics)
        try:
            while not asked.is_set():
                try:
                    trainer.look()
                    missing[0] = None
                except UnavailableError as error:
                    missing[0] = error.what
                    log.warning("%s", error.what)
                asked.wait(LOOK_S)
        finally:
            missing[0] = "the trainer is stopping"
            trainer.close()

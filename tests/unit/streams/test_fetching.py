"""When the broker is asked, for how much at a time, and how long it may wait."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher as theirs
from aiokafka.protocol.fetch import FetchRequest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from models.contracts.settings import Settings
from streams.transport import fetching
from streams.transport.consumer import AHEAD, ChunkConsumer
from streams.transport.fetching import GATHER_BYTES, GATHER_MS, IDLE_AFTER, IDLE_BYTES, IDLE_MS, PART_BYTES
from streams.transport.records import Whole
from streams.transport.thread import FETCH_BYTES, FETCH_PARTITION_BYTES, ChunkThread
from streams.transport.turns import Turns
from streams.worker.app import make_app
from tests.support.producer import turns

EVENTS = TP("events", 0)
PARTITIONS = 16


@pytest.fixture
async def consumer(tmp_path: Path) -> AsyncIterator[Any]:
    app = make_app(Settings(data_dir=str(tmp_path)))
    app_side: Any = SimpleNamespace(
        app=app, transport=app.transport, in_transaction=False, RebalanceListener=lambda _: None
    )
    thread = ChunkThread(app_side, whole=frozenset(), thread_loop=asyncio.get_running_loop())
    made = thread._create_worker_consumer(app.transport)
    made.thread = thread
    yield made
    await made.stop()


async def test_a_backlog_comes_in_pieces_and_not_50_mb_at_a_time(consumer: Any) -> None:
    assert consumer._fetch_max_bytes == FETCH_BYTES <= 8 * 1024 * 1024
    assert consumer._max_partition_fetch_bytes == FETCH_PARTITION_BYTES <= FETCH_BYTES


GATHERING, IDLE = (GATHER_MS, GATHER_BYTES), (IDLE_MS, IDLE_BYTES)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the broker's next answers bring anything; what is asked for is aiokafka's."""
    coming: list[bool] = []

    async def answered(fetcher: Any, _: object, __: int, request: FetchRequest) -> bool:
        came = coming.pop(0)
        asked = [TopicPartition(topic, place) for topic, places in request.topics for place, *_ in places]
        fetcher._records = dict.fromkeys(asked) if came else {}
        return came

    monkeypatch.setattr(theirs.Fetcher, "_proc_fetch_request", answered)
    return coming


def request(partitions: int = 1) -> FetchRequest:
    """For so many partitions of one topic."""
    return FetchRequest(GATHER_MS, GATHER_BYTES, 1, 0, [(EVENTS.topic, [(place, 7, 9) for place in range(partitions)])])


def made(whole: Whole | None) -> Any:
    fetcher: Any = fetching.Fetcher.__new__(fetching.Fetcher)
    fetcher._key_deserializer, fetcher._turns = whole, Turns()
    return fetcher


async def asked(answers: list[bool], *, whole: bool = True) -> list[tuple[int, int]]:
    """(ms to wait, bytes at least) of the request after each answer."""
    fetcher = made(Whole(frozenset()) if whole else None)
    fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes = GATHERING
    found = []
    while answers:
        await fetcher._proc_fetch_request(None, 1, request())
        found.append((fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes))
    return found


async def test_a_broker_with_nothing_is_asked_seldom_and_answers_the_first_record_at_once(answers: list[bool]) -> None:
    answers += [False] * (IDLE_AFTER + 3) + [True, False]
    assert await asked(answers) == [GATHERING] * (IDLE_AFTER - 1) + [IDLE] * 4 + [GATHERING] * 2


async def test_a_stream_that_flows_is_gathered_whatever_its_empty_partitions_say(answers: list[bool]) -> None:
    answers += [True, False, False, True, False] * 5
    assert set(await asked(answers)) == {GATHERING}


async def test_other_consumers_of_the_process_wait_as_they_were_told(answers: list[bool]) -> None:
    answers += [False] * 10
    assert set(await asked(answers, whole=False)) == {GATHERING}


def held() -> Any:
    """A fetcher that is to wait."""
    fetcher = made(Whole(frozenset()))
    fetcher._key_deserializer.wanted.clear()
    return fetcher


async def test_the_broker_is_asked_when_records_are_wanted_and_not_before(answers: list[bool]) -> None:
    answers += [True]
    fetcher = held()
    asking = asyncio.ensure_future(fetcher._proc_fetch_request(None, 1, request()))
    await turns()
    assert answers, "it was asked"
    fetcher._key_deserializer.wanted.set()
    assert await asking
    assert not answers


async def test_of_partitions_that_flow_half_are_asked_for_at_a_time(answers: list[bool]) -> None:
    answers += [True, True, True]
    fetcher = made(Whole(frozenset()))
    sent = [request(PARTITIONS) for _ in range(3)]
    for each in sent:
        await fetcher._proc_fetch_request(None, 1, each)
    places = [{place for place, *_ in each.topics[0][1]} for each in sent]
    assert places[0] == places[1] | places[2] == set(range(PARTITIONS))
    assert len(places[1]) == len(places[2]) == PARTITIONS // 2
    assert [each._min_bytes for each in sent] == [GATHER_BYTES, PART_BYTES, PART_BYTES]


async def test_where_the_partitions_go_nobody_waits_for_what_is_not_wanted(answers: list[bool]) -> None:
    asking = asyncio.ensure_future(held()._proc_fetch_request(None, 1, request()))
    await turns()
    asking.cancel()
    assert not await asking, "aiokafka lets such an answer go, and expects no error"


async def test_records_are_wanted_until_some_are_taken(consumer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    coming: list[dict[TP, list[Any]]] = [{}, {EVENTS: [[]]}]

    async def fetched(*_: object) -> dict[TP, list[Any]]:
        return coming.pop(0)

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", fetched)
    thread, wanted = consumer.thread, consumer._key_deserializer.wanted
    await thread._fetch_records()
    assert wanted.is_set()
    await thread._fetch_records()
    assert not wanted.is_set()
    thread.want()
    await turns()
    assert wanted.is_set()


async def test_the_loop_goes_on_while_the_thread_ends(consumer: Any) -> None:
    """Else what ends in the thread and waits for the loop would never end."""
    thread, released = consumer.thread, threading.Event()
    ended: list[bool] = []
    thread._thread = SimpleNamespace(stop=lambda: ended.append(released.wait(10)))
    thread._started.set()
    thread._stopped.set()
    asyncio.get_running_loop().call_later(0, released.set)
    await thread.stop()
    assert ended == [True]


class Wish:
    """The thread that a consumer asks. It notes after how many chunks more was wanted."""

    def __init__(self) -> None:
        self.chunks = 0
        self.wanted: list[int] = []

    def want(self) -> None:
        self.wanted.append(self.chunks)

    async def getmany(self, *_: object) -> dict[TP, list[Any]]:
        record = SimpleNamespace(offset=0, timestamp=0, timestamp_type=0)
        return {TP(EVENTS.topic, partition): [[record]] for partition in range(PARTITIONS)}


class Waiting(ChunkConsumer):
    chunk_topics = frozenset({EVENTS.topic})
    flow_active = True

    def _new_consumer_thread(self) -> Any:
        return Wish()

    def add_dependency(self, service: Any) -> Any:
        return service  # nothing here is started


async def test_more_is_wanted_shortly_before_all_is_handed_out(tmp_path: Path) -> None:
    app: Any = make_app(Settings(data_dir=str(tmp_path)))
    consumer: Any = Waiting(app.transport, turns, turns, turns)
    consumer._get_active_partitions = lambda: {EVENTS}
    app.topics._topic_name_index[EVENTS.topic] = set()
    async for _ in consumer.getmany(1.0):
        consumer._thread.chunks += 1
    assert consumer._thread.wanted == [0, *range(PARTITIONS - AHEAD, PARTITIONS)]

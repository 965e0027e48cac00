"""How much the broker is asked for at a time, and how long it may wait."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer import fetcher as theirs

from models.contracts.settings import Settings
from streams.transport import fetching
from streams.transport.fetching import GATHER_BYTES, GATHER_MS, IDLE_AFTER, IDLE_BYTES, IDLE_MS
from streams.transport.records import Whole
from streams.transport.thread import FETCH_BYTES, FETCH_PARTITION_BYTES, ChunkThread
from streams.worker.app import make_app


@pytest.fixture
async def consumer(tmp_path: Path) -> AsyncIterator[Any]:
    app = make_app(Settings(data_dir=str(tmp_path)))
    driver: Any = SimpleNamespace(
        app=app, transport=app.transport, in_transaction=False, RebalanceListener=lambda _: None
    )
    thread = ChunkThread(driver, whole=frozenset(), thread_loop=asyncio.get_running_loop())
    made = thread._create_worker_consumer(app.transport)
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

    async def answered(*_: object) -> bool:
        return coming.pop(0)

    monkeypatch.setattr(theirs.Fetcher, "_proc_fetch_request", answered)
    return coming


async def asked(answers: list[bool], *, whole: bool = True) -> list[tuple[int, int]]:
    """(ms to wait, bytes at least) of the request after each answer."""
    fetcher: Any = fetching.Fetcher.__new__(fetching.Fetcher)
    fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes = GATHERING
    fetcher._key_deserializer = Whole(frozenset()) if whole else None
    found = []
    while answers:
        await fetcher._proc_fetch_request(None, 1, None)
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

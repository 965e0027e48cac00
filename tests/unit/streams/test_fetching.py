"""How much the broker is asked for at a time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models.contracts.settings import Settings
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

"""A worker with a name of its own is the same member after a restart, so that nobody's partitions move."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models.contracts.settings import Settings
from streams.transport.thread import ChunkThread
from streams.worker.app import make_app


@pytest.mark.parametrize(("worker_id", "told"), [("one", "one"), ("", None)])
async def test_the_broker_is_told_the_name(tmp_path: Path, worker_id: str, told: str | None) -> None:
    app = make_app(Settings(data_dir=str(tmp_path), worker_id=worker_id))
    driver: Any = SimpleNamespace(
        app=app, transport=app.transport, in_transaction=False, RebalanceListener=lambda _: None
    )
    consumer = ChunkThread(driver, whole=frozenset(), thread_loop=asyncio.get_running_loop())._create_worker_consumer(
        app.transport
    )
    assert consumer._group_instance_id == told
    await consumer.stop()

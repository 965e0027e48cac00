"""What an erased customer left in files that no owner of the partition looks into goes as well."""

import asyncio
from pathlib import Path

from msgspec import json

from models.contracts.erasures import Erasure, Erasures
from streams.store.base import Mark
from streams.store.local import LocalStore
from streams.worker.tidying import tidying

TURNS = 10
SOMEBODY = b"somebody was here" * 100


async def turns(task: asyncio.Task[None]) -> None:
    """Several rounds."""
    for _ in range(TURNS):
        await asyncio.sleep(0)
    assert not task.done(), task


async def test_a_table_that_is_only_followed_is_scrubbed_after_an_erasure(tmp_path: Path) -> None:
    store, erasures = LocalStore(tmp_path / "rows", "this boot", lambda: 1), Erasures("a key of a test")
    rows, file = store.open("profiles", 0), tmp_path / "rows" / "data.mdb"
    rows.restore({b"m/gone": SOMEBODY}, Mark(1, b"12345678", 0))
    task = asyncio.create_task(tidying(store, erasures, 0))
    rows.restore({b"m/gone": None}, Mark(2, b"12345678", 0))  # its tombstone, written by another worker
    await turns(task)
    assert SOMEBODY[:40] in file.read_bytes(), "nobody was erased: the file is left alone"
    erasures.take(b"f00d", json.encode(Erasure(at=1, partition=0)))
    await turns(task)
    assert SOMEBODY[:40] not in file.read_bytes()
    task.cancel()
    store.stop()

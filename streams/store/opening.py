"""The store that the settings name."""

from __future__ import annotations

import time
from pathlib import Path

from models.contracts.settings import Settings
from streams.store.base import Store
from streams.store.memory import MemoryStore

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def open_store(settings: Settings) -> Store:
    """Raises ConfigurationError where the folder of an lmdb store cannot be used."""
    if settings.store == "memory":
        return MemoryStore()
    from streams.store.local import LocalStore  # a worker in memory needs no lmdb

    boot = _BOOT.read_text().strip() if _BOOT.exists() else ""
    folder = Path(settings.data_dir).absolute() / "worker" / f"rows-{settings.topic_prefix}{settings.worker_group}"
    return LocalStore(folder, boot, lambda: int(time.time() * 1000))

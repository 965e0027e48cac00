"""What can still be read in files that a process goes on writing."""

from collections.abc import Collection
from pathlib import Path


def holding(words: Collection[bytes], *folders: Path) -> list[str]:
    """Every file below these folders in which one of the words stands. Where one went while we looked, it may have come back
    under another name: all are looked at again."""
    while True:
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        try:
            return [str(path) for path in files if _has(path.read_bytes(), words)]
        except FileNotFoundError:
            continue


def _has(held: bytes, words: Collection[bytes]) -> bool:
    return any(word in held for word in words)

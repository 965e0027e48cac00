"""`tailorbird` chores against a room."""

import subprocess
from typing import Any

from msgspec import json

from tests.support.process import TAILORBIRD, environment
from tests.support.streams import Room

CHORE_S = 120.0


def chore(room: Room, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """The command with the room's topics and `settings` in its environment."""
    own: dict[str, object] = {
        "brokers": room.settings.brokers,
        "topic_prefix": room.settings.topic_prefix,
        "partitions": room.settings.partitions,
        "worker_group": f"{room.settings.topic_prefix}worker",
        "data_dir": room.folder / "chores",
        **settings,
    }
    return subprocess.run(
        [*TAILORBIRD, *arguments], env=environment(own), capture_output=True, text=True, timeout=CHORE_S, check=False
    )


def said(room: Room, *arguments: str, **settings: object) -> dict[str, Any]:
    """The JSON line of a chore that must go well."""
    done = chore(room, *arguments, "--json", **settings)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.decode(done.stdout)
    return found

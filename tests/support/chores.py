"""`tailorbird` chores against a room."""

import os
import subprocess
from contextlib import suppress
from typing import Any

from msgspec import json

from tests.support.process import TAILORBIRD, environment
from tests.support.streams import Room

CHORE_S = 120.0


def _environment(room: Room, settings: dict[str, object]) -> dict[str, str]:
    """The room's topics and these settings."""
    own: dict[str, object] = {
        "brokers": room.settings.brokers,
        "topic_prefix": room.settings.topic_prefix,
        "partitions": room.settings.partitions,
        "worker_group": f"{room.settings.topic_prefix}worker",
        "data_dir": room.folder / "chores",
        **settings,
    }
    return environment(own)


def chore(room: Room, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """The command with the room's topics and `settings` in its environment."""
    return subprocess.run(
        [*TAILORBIRD, *arguments], env=_environment(room, settings), capture_output=True, text=True, timeout=CHORE_S,
        check=False,
    )  # fmt: skip


def said(room: Room, *arguments: str, **settings: object) -> dict[str, Any]:
    """The JSON line of a chore that must go well."""
    done = chore(room, *arguments, "--json", **settings)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.decode(done.stdout)
    return found


def watched(room: Room, *arguments: str, **settings: object) -> str:
    """What somebody sees on a terminal beside the output of a chore that must go well."""
    ours, theirs = os.openpty()
    shown = b""
    own = _environment(room, settings) | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen([*TAILORBIRD, *arguments], env=own, stdout=subprocess.DEVNULL, stderr=theirs) as child:
        os.close(theirs)
        with suppress(OSError):  # a terminal's way to say that nobody writes to it any more
            while piece := os.read(ours, 65_536):
                shown += piece
    os.close(ours)
    assert child.returncode == 0, shown
    return shown.decode()

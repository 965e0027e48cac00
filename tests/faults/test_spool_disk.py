"""A spool on a disk that really is full, of blocks or of inodes: a small file system of its own, mounted for the test alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Runs where the mount is nobody else's. Each event is appended alone; what is said to be kept must be what is read.
SCRIPT = """
import json, os, subprocess, sys
from pathlib import Path
from api.edge.spool.files import segments
from api.edge.spool.log import SpoolError, SpoolLog
from api.edge.spool.reader import SpoolReader

place, options, segment_bytes, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)
if room == "blocks":
    (place / "ballast").write_bytes(bytes(32 * 1024))
else:
    for number in range(4):
        (place / f"ballast{number}").touch()
log = SpoolLog(place / "spool", "g", segment_bytes, 1 << 30)
kept, refused = [], 0

def append(number):
    global refused
    batch = [b'{"n":"%d.%d %s"}' % (number, part, b"x" * 100) for part in range(3)]
    try:
        log.append(batch)
        kept.extend(batch)
    except SpoolError as error:
        kept.extend(batch[: error.kept])
        refused += 1

for number in range(400):
    append(number)
full, files = refused, len(segments(log.directory))
for path in place.glob("ballast*"):
    path.unlink()
for number in range(400, 450):
    append(number)
reader, found = SpoolReader(log.directory, 0), []
while frames := reader.read():
    found += [frame.payload for frame in frames]
print(json.dumps({
    "full": full, "after": refused - full, "files": files, "files_after": len(segments(log.directory)),
    "same": found == kept, "kept": len(kept), "damaged": reader.damaged,
}))
"""


def mounted(script: str, *arguments: object) -> str:
    """Runs the script in a mount namespace, as root or as a user who is root in a namespace of its own."""
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    command = [*own, sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def on_a_disk(folder: Path, options: str, segment_bytes: int, room: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(mounted(SCRIPT, folder, options, segment_bytes, room))
    return found


@pytest.mark.parametrize("kilobytes", [96, 100, 128])
def test_a_disk_without_blocks(tmp_path: Path, kilobytes: int) -> None:
    found = on_a_disk(tmp_path, f"size={kilobytes}k", 1 << 20, "blocks")
    assert found["full"] > 0
    assert found["after"] < 50
    assert (found["same"], found["damaged"]) == (True, 0)


def test_a_disk_without_inodes(tmp_path: Path) -> None:
    found = on_a_disk(tmp_path, "size=4m,nr_inodes=14", 4096, "inodes")
    assert found["full"] == found["after"] == 0  # the segment that is there grows on
    assert found["files"] < found["files_after"] < 10  # and not the 40 that there would be
    assert (found["same"], found["kept"]) == (True, 1350)


def test_a_disk_that_is_read_only_stops_the_start(tmp_path: Path) -> None:
    said = mounted(
        """
import subprocess, sys
from pathlib import Path
from api.edge.spool.log import SpoolLog
from models.contracts.errors import ConfigurationError
subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", sys.argv[1]], check=True)
try:
    SpoolLog(Path(sys.argv[1]) / "spool", "g", 1 << 20, 1 << 30)
except ConfigurationError as error:
    print(error)
""",
        tmp_path,
    )
    assert "cannot be used: Read-only file system. Mend: set TAILORBIRD_DATA_DIR" in said

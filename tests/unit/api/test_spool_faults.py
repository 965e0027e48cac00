"""A disk that fails: answers go on, nothing is promised that is not kept, and what is kept is read."""

import asyncio
import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from api.edge.spool.commit import SICK_S, GroupCommit
from api.edge.spool.disk import Disk
from api.edge.spool.files import segments
from api.edge.spool.frames import encode
from api.edge.spool.log import AFTER_BOOT, RECOUNT_S, SpoolError, SpoolLog
from api.edge.spool.reader import SpoolReader

PAYLOADS = [b'{"a":1}', b'{"b":22}', b'{"c":333}']


class Faulty(Disk):
    """The system's disk until a fault is put in."""

    def __init__(self) -> None:
        self.takes: int | None = None
        self.begins = self.cuts = True
        self.sync_error: OSError | None = None
        self.synced = threading.Event()
        self.synced.set()
        self.syncs = 0

    def begin(self, path: Path) -> int:
        if not self.begins:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().begin(path)

    def write(self, fd: int, data: bytes) -> int:
        if self.takes is None:
            return super().write(fd, data)
        super().write(fd, data[: self.takes])
        raise OSError(errno.EIO, "Input/output error")

    def cut(self, fd: int, size: int) -> None:
        if not self.cuts:
            raise OSError(errno.EIO, "Input/output error")
        super().cut(fd, size)

    def sync(self, fd: int) -> None:
        self.syncs += 1
        assert self.synced.wait(20)
        if self.sync_error is not None:
            raise self.sync_error
        super().sync(fd)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def opened(folder: Path, disk: Disk | None = None, max_bytes: int = 1 << 30, **more: object) -> SpoolLog:
    return SpoolLog(folder, "g", 1 << 20, max_bytes, disk=disk or Disk(), **more)  # type: ignore[arg-type]  # of this test


def read_all(folder: Path) -> list[tuple[int, bytes]]:
    reader, found = SpoolReader(folder, 0), []
    while frames := reader.read():
        found += [(frame.seq, frame.payload) for frame in frames]
    reader.close()
    return found


@pytest.mark.parametrize("cuts", [True, False], ids=["and is cut", "and cannot be cut"])
def test_a_write_that_fails_after_every_byte(tmp_path: Path, cuts: bool) -> None:
    """What is whole in the file counts as kept, because the shipper may have seen it; the rest never comes to light."""
    disk = Faulty()
    log = opened(tmp_path, disk)
    expected: list[bytes] = []
    lengths = [len(encode(1, payload)) for payload in PAYLOADS]
    for takes in range(sum(lengths)):
        disk.takes, disk.cuts = takes, cuts
        with pytest.raises(SpoolError) as failed:
            log.append(PAYLOADS)
        kept = sum(sum(lengths[: number + 1]) <= takes for number in range(3))
        assert failed.value.kept == kept
        disk.takes, disk.cuts = None, True
        log.append([b"{}"])
        expected += [*PAYLOADS[:kept], b"{}"]
    log.close()
    found = read_all(tmp_path)
    assert [payload for _, payload in found] == expected
    assert [seq for seq, _ in found] == list(range(1, len(expected) + 1))


def test_a_disk_that_is_full_at_every_byte(tmp_path: Path) -> None:
    # RLIMIT_FSIZE makes the kernel take a part and refuse the rest, as a full disk does; a process of its own bears it.
    script = """
import json, resource, sys
from pathlib import Path
from api.edge.spool.files import segments
from api.edge.spool.log import SpoolError, SpoolLog
log = SpoolLog(Path(sys.argv[1]), "g", 1 << 30, 1 << 30)
payloads, kept, refused = [b'{"a":1}', b'{"b":22}', b'{"c":333}'], [], 0
log.append([b"{}"])
for more in range(72):
    size = segments(log.directory)[-1][1].stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + more, resource.RLIM_INFINITY))
    try:
        log.append(payloads)
        kept += payloads
    except SpoolError as error:
        kept += payloads[:error.kept]
        refused += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    log.append([b"{}"])
    kept.append(b"{}")
print(json.dumps([refused, [payload.decode() for payload in kept]]))
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    refused, kept = json.loads(done.stdout)
    assert refused == 72
    assert [payload.decode() for _, payload in read_all(tmp_path)] == ["{}", *kept]


def test_no_other_segment_can_be_made_and_this_one_grows_on(tmp_path: Path) -> None:
    disk = Faulty()
    log = SpoolLog(tmp_path, "g", 40, 1 << 30, disk=disk)
    log.append(PAYLOADS)
    disk.begins = False
    for payload in PAYLOADS:
        log.append([payload])
    assert len(segments(tmp_path)) == 1
    disk.begins = True
    log.append(PAYLOADS[:1])
    assert len(segments(tmp_path)) == 2
    assert [payload for _, payload in read_all(tmp_path)] == [*PAYLOADS, *PAYLOADS, PAYLOADS[0]]


def test_its_directory_is_deleted_while_it_runs(tmp_path: Path) -> None:
    folder = tmp_path / "0"
    log = opened(folder)
    log.append(PAYLOADS[:1])
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    log.append(PAYLOADS[1:])
    log.append(PAYLOADS[:1])
    found = read_all(folder)
    assert [payload for _, payload in found] == [*PAYLOADS[1:], PAYLOADS[0]]
    assert found[0][0] > 2  # a reader that has the old file open may have seen 2
    with pytest.raises(Exception, match="Another edge"):
        opened(folder)


def test_its_limit_is_free_again_when_the_shipper_has_removed_something(tmp_path: Path) -> None:
    clock = Clock()
    log = SpoolLog(tmp_path, "g", 20, 100, clock=clock)
    for _ in range(5):
        log.append([b"{}"])
    with pytest.raises(SpoolError, match="limit"):
        log.append([b"{}"])
    segments(tmp_path)[0][1].unlink()
    clock.now += RECOUNT_S
    log.append([b"{}"])


def test_after_a_start_of_the_machine_no_sequence_is_used_again(tmp_path: Path) -> None:
    log = opened(tmp_path, boot="first")
    log.append(PAYLOADS)
    log.close()
    log = opened(tmp_path, boot="first")
    assert log.next_seq == 4
    log.close()
    log = opened(tmp_path, boot="second")
    assert log.next_seq == 4 + AFTER_BOOT
    log.append([b"{}"])
    assert read_all(tmp_path)[-1] == (4 + AFTER_BOOT, b"{}")
    log.close()


class Commit:
    """A group commit to a disk that can fail."""

    def __init__(self, folder: Path, *, to_disk: bool) -> None:
        self.disk, self.clock = Faulty(), Clock()
        self.log = opened(folder, self.disk)
        self.failures: list[tuple[str, int]] = []
        self.group = GroupCommit(
            self.log, to_disk=to_disk, on_failure=lambda *failure: self.failures.append(failure), clock=self.clock
        )

    async def append(self, *payloads: bytes) -> list[bool]:
        return await asyncio.gather(*(self.group.append(payload) for payload in payloads))

    def close(self) -> None:
        self.group.close()
        self.log.close()


async def test_answers_say_which_of_a_batch_are_kept(tmp_path: Path) -> None:
    commit = Commit(tmp_path, to_disk=False)
    commit.disk.takes = len(encode(1, PAYLOADS[0])) + 5
    assert await commit.append(*PAYLOADS) == [True, False, False]
    assert [count for _, count in commit.failures] == [2]
    commit.disk.takes = None
    assert await commit.append(*PAYLOADS) == [True, True, True]
    commit.close()
    assert [payload for _, payload in read_all(tmp_path)] == [PAYLOADS[0], *PAYLOADS]


async def test_a_sync_that_fails_is_said_and_its_file_is_not_trusted_again(tmp_path: Path) -> None:
    commit = Commit(tmp_path, to_disk=True)
    assert await commit.append(PAYLOADS[0]) == [True]
    commit.disk.sync_error = OSError(errno.EIO, "Input/output error")
    assert await commit.append(PAYLOADS[1], PAYLOADS[2]) == [False, False]
    syncs = commit.disk.syncs
    assert await commit.append(PAYLOADS[0]) == [False]  # at once, and the disk is left alone
    assert commit.disk.syncs == syncs
    assert [count for _, count in commit.failures] == [2, 1]
    commit.disk.sync_error = None
    commit.clock.now += SICK_S
    assert await commit.append(PAYLOADS[0]) == [True]
    assert len(segments(tmp_path)) == 2
    commit.close()


async def test_a_sync_of_two_seconds_holds_nobody_up_and_the_next_batch_gathers(tmp_path: Path) -> None:
    commit = Commit(tmp_path, to_disk=True)
    commit.disk.synced.clear()
    first = asyncio.ensure_future(commit.append(PAYLOADS[0]))
    while commit.disk.syncs == 0:
        await asyncio.sleep(0)  # the loop turns: others are answered
    later = [commit.group.append(payload) for payload in PAYLOADS * 10]
    for _ in range(100):
        await asyncio.sleep(0)
    assert not first.done()
    assert not any(each.done() for each in later)
    commit.disk.synced.set()
    assert await first == [True]
    assert all(await asyncio.gather(*later))
    assert commit.disk.syncs == 2
    commit.close()
    assert len(read_all(tmp_path)) == 31


async def test_a_client_that_went_away_spoils_no_batch(tmp_path: Path) -> None:
    commit = Commit(tmp_path, to_disk=False)
    gone, stays = commit.group.append(PAYLOADS[0]), commit.group.append(PAYLOADS[1])
    gone.cancel()
    assert await stays
    assert len(read_all(tmp_path)) == 2
    commit.close()


def test_a_directory_without_rights_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "0"):
        with pytest.raises(Exception, match="TAILORBIRD_DATA_DIR"):
            opened(folder)
    assert os.listdir(tmp_path) == ["file"]

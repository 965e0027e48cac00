"""The arena: a reader in another process gets a whole version of the right customer's profile, or none."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from api.edge.shared.arena import BLOCK, MOST_BLOCKS, Arena, ArenaWriter
from api.edge.shared.profiles import DictProfiles

FORK = multiprocessing.get_context("fork")
sizes = st.one_of(st.none(), st.integers(0, 3 * BLOCK), st.just(MOST_BLOCKS * BLOCK))
puts = st.lists(st.tuples(st.integers(0, 12), sizes), max_size=80)


@given(puts, st.integers(1, 10), st.sets(st.integers(0, 80), max_size=4))
def test_it_holds_what_a_dict_holds(actions: list[tuple[int, int | None]], most: int, restarts: set[int]) -> None:
    """While blocks last: most recent first out, each version whole; also after a writer that begins anew."""
    with TemporaryDirectory() as folder:
        arena = Arena(Path(folder) / "arena", most)
        writer, model = ArenaWriter(arena), DictProfiles(most)
        for number, (customer, size) in enumerate(actions):
            key = b"shop/c%d" % customer
            value = None if size is None else bytes([number % 256]) * size
            before = arena.stamp(key)
            writer.put(key, value)
            model.put(key, None if size is None or size >= MOST_BLOCKS * BLOCK else value)
            assert arena.stamp(key) is None or arena.stamp(key) != before
            if number in restarts:
                writer = ArenaWriter(arena)
        for customer in range(13):
            key = b"shop/c%d" % customer
            expected, found = model.get(key), arena.get(key)
            assert (found is None) == (expected is None)
            if found is not None and expected is not None:
                assert found[1] == expected[1]
                assert found[0] == arena.stamp(key)
        assert len(arena) == len(writer) == len(model)


def test_a_long_key_may_begin_anywhere(tmp_path: Path) -> None:
    arena = Arena(tmp_path / "arena", 4)
    writer = ArenaWriter(arena)
    key = b"m" * 64 + b"/" + b"c" * 64
    for size in range(40 * BLOCK, MOST_BLOCKS * BLOCK - 1_000, 7_000):
        value = os.urandom(size)
        writer.put(key, value)
        assert arena.get(key) == (arena.stamp(key), value)


def test_blocks_of_whoever_was_active_longest_ago_are_used_again(tmp_path: Path) -> None:
    arena = Arena(tmp_path / "arena", 100)
    writer = ArenaWriter(arena)
    for number in range(1_000):
        writer.put(b"shop/c%d" % number, b"v" * 30 * BLOCK)
    held = [number for number in range(1_000) if arena.get(b"shop/c%d" % number)]
    assert held == list(range(1_000 - len(held), 1_000))
    assert len(held) >= 100 * 4 // 32


def test_nothing_is_left_of_who_was_let_go(tmp_path: Path) -> None:
    arena = Arena(tmp_path / "arena", 8)
    writer = ArenaWriter(arena)
    for size in (100, 3 * BLOCK, 2 * BLOCK):
        writer.put(b"shop/somebody", b"a version of somebody" * (size // 20))
    writer.put(b"shop/other", b"somebody else" * 100)
    writer._write(b"shop/somebody", b"half of a version of somebody" * 40, writer._blocks(3))  # killed before its word
    writer = ArenaWriter(arena)
    writer.put(b"shop/somebody", None)
    held = (tmp_path / "arena").read_bytes()
    assert b"version of somebody" not in held
    assert b"shop/somebody" not in held
    assert arena.get(b"shop/other") is not None


def test_a_crowded_bucket_lets_go_of_its_oldest(tmp_path: Path) -> None:
    arena = Arena(tmp_path / "arena", 1_000)
    writer = ArenaWriter(arena)
    crowd: list[bytes] = []
    bucket = arena.bucket(b"shop/c0")[0]
    number = 0
    while len(crowd) < 12:
        key = b"shop/c%d" % number
        if arena.bucket(key)[0] == bucket:
            crowd.append(key)
        number += 1
    for key in crowd:
        writer.put(key, key)
    assert [arena.get(key) is not None for key in crowd] == [False] * 4 + [True] * 8
    assert len(writer) == 8


def _churn(arena: Arena, seed: int) -> None:
    draw = random.Random(seed)
    writer = ArenaWriter(arena)
    while True:
        key = b"shop/c%d" % draw.randrange(60)
        writer.put(key, None if draw.random() < 0.1 else _body(key, draw.randrange(1, 200)))


def _body(key: bytes, times: int) -> bytes:
    """A value that says whose it is and how long, from its beginning to its end."""
    return b"%d|%s|" % (times, key) * times


def test_readers_beside_writers_that_are_killed(tmp_path: Path, seeded: random.Random) -> None:
    """Real processes, an arena far too small, kill -9 of ten writers: never a torn, foreign or mixed profile."""
    arena = Arena(tmp_path / "arena", 40)
    seen = set()
    for _ in range(10):
        child = FORK.Process(target=_churn, args=(arena, seeded.randrange(2**32)), daemon=True)
        child.start()
        got = 0
        while got < 2_000:
            key = b"shop/c%d" % seeded.randrange(60)
            arena.stamp(key)
            if (found := arena.get(key)) is not None:
                times = int(found[1].partition(b"|")[0])
                assert found[1] == _body(key, times)
                seen.add(found[0])
                got += 1
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
    assert len(seen) > 100
    writer = ArenaWriter(arena)
    whole = [arena.get(b"shop/c%d" % number) for number in range(60)]
    assert sum(each is not None for each in whole) == len(writer)
    writer.put(b"shop/after", b"all of them")
    found = arena.get(b"shop/after")
    assert found is not None
    assert found[0] > max(seen)

"""One process writes the table, others read it: every answer is the customer's own, whole, and there when it must be."""

import multiprocessing
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from api.edge.table import AttachedTable, PackedTable
from api.edge.table.layout import Layout
from models.contracts.profile import Membership
from tests.support.waiting import eventually

SEED = 5
STEADY = 400
"""Customers that are there from the first to the last moment; those after them come and go."""
VERSIONS = 300
READERS = 2
_spawn = multiprocessing.get_context("spawn")


def key_of(number: int) -> bytes:
    return f"m{number % 3}/c_{number}".encode()


def membership_of(number: int, version: int) -> Membership:
    """It says whose it is: another's, or half of one, would be seen."""
    return Membership(f"l_{number % 7}", (f"s_{number % 3}", f"s_{number % 50}"), version)


def belongs(number: int, found: Membership) -> bool:
    version = found.model_version
    return version is not None and 0 <= version < VERSIONS and found == membership_of(number, version)


@dataclass
class Seen:
    """What a reader met. `wrong`: first few answers that nobody ever put for that customer."""

    reads: int = 0
    none: int = 0
    generations: int = 0
    wrong: tuple[str, ...] = ()


def watch(directory: Path, seed: int, parent: Connection) -> None:
    """Reads at random until it is told to end, and answers with how far it is whenever it is asked."""
    table, draw, seen, generations = AttachedTable(directory), random.Random(seed), Seen(), set[int]()
    while True:
        for _ in range(500):
            number = draw.randrange(STEADY if draw.random() < 0.5 else 40_000)
            found = table.get(key_of(number))
            seen.none += found is None
            if (number < STEADY) if found is None else not belongs(number, found):
                seen.wrong = (*seen.wrong, f"{number}: {found}")[:5]
        seen.reads += 500
        generations.add(table.generation)
        seen.generations = len(generations)
        if parent.poll():
            asked = parent.recv()
            parent.send(seen)
            if asked == "end":
                return


class Readers:
    """Processes that read the table; closed with `end`."""

    def __init__(self, directory: Path) -> None:
        self._pipes, self._processes = [], []
        for number in range(READERS):
            ours, theirs = _spawn.Pipe()
            process = _spawn.Process(target=watch, args=(directory, SEED + number, theirs), daemon=True)
            process.start()
            self._pipes.append(ours)
            self._processes.append(process)

    def ask(self, what: str = "go on") -> list[Seen]:
        for pipe in self._pipes:
            pipe.send(what)
        return [pipe.recv() for pipe in self._pipes]

    def end(self) -> list[Seen]:
        seen = self.ask("end")
        for process in self._processes:
            process.join(10)
        return seen


def written(directory: Path) -> PackedTable:
    """Small enough to be rebuilt often: 1,024 slots, 4,096 units of memberships."""
    table = PackedTable.begin(directory, Layout(bits=10, skip=1, index_bits=12))
    for number in range(STEADY):
        table.put(key_of(number), membership_of(number, 0))
    table.publish()
    return table


def write_until(table: PackedTable, draw: random.Random, done: Callable[[], bool]) -> None:
    """Puts again, adds and erases at random; more and more customers, so that it grows on the way."""
    reach = STEADY
    while not done():
        for _ in range(300):
            steady, version = draw.randrange(STEADY), draw.randrange(VERSIONS)
            table.put(key_of(steady), membership_of(steady, version))
            other = draw.randrange(STEADY, reach + 1) if reach > STEADY else STEADY
            table.put(key_of(other), None if draw.random() < 0.3 else membership_of(other, version))
        reach = min(reach + 100, 39_999)


def test_no_reader_sees_another_customer_half_a_word_or_nobody(tmp_path: Path) -> None:
    print("seed", SEED)
    table = written(tmp_path / "table")
    readers = Readers(tmp_path / "table")

    def enough() -> bool:
        seen = readers.ask()
        return len(table) > 15_000 and all(each.reads >= 50_000 and each.generations >= 4 for each in seen)

    write_until(table, random.Random(SEED), enough)
    seen = readers.end()
    table.close()
    assert [each.wrong for each in seen] == [()] * READERS
    assert all(each.none > 0 for each in seen), "erased customers were asked for too"
    assert table.refused == 0


def test_these_readers_do_see_a_store_that_is_not_one_move(tmp_path: Path) -> None:
    """The control: ``struct.pack_into`` clears the bytes before it writes them, and a cleared word is a free slot."""
    table = written(tmp_path / "table")
    readers = Readers(tmp_path / "table")
    words, raw = table.generation.words, table.generation.words.cast("B")
    places = [place for place in range(16, len(words)) if words[place] > 1]
    pack = struct.Struct("<Q").pack_into

    def seen_torn() -> bool:
        for _ in range(200):
            for place in places:
                pack(raw, 8 * place, words[place])
        return all(each.wrong for each in readers.ask())

    eventually(seen_torn, timeout=30)
    readers.end()
    table.close()

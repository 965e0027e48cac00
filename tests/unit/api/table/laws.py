"""What every look-up table promises, as a machine that Hypothesis drives beside a dict."""

import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from api.edge.table import DictTable, Lookup, PackedTable, Position, Table, load_snapshot, save_snapshot
from api.edge.table.layout import Layout
from models.contracts.profile import Membership

MERCHANTS = st.sampled_from(["m", "m2", "other-shop"])
NUMBERS = st.integers(0, 1999)
#: Few segments and many model versions: enough different ones to fill a small membership file again and again.
MEMBERSHIPS = st.builds(
    Membership,
    learned=st.sampled_from([None, "l_1_0", "l_1_1"]),
    defined=st.lists(st.sampled_from(["s_a", "s_b", "s_" + "x" * 60]), unique=True, max_size=3).map(tuple),
    model_version=st.integers(0, 60),
)


def key_of(merchant: str, number: int) -> bytes:
    return f"{merchant}/c_{number}".encode()


class TableLaws(RuleBasedStateMachine):
    """`made` gives the table under test and all that read it."""

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[bytes, Membership] = {}
        self.touched: set[bytes] = set()
        self.table, self.readers = self.made()

    def made(self) -> tuple[Table, list[Lookup]]:
        raise NotImplementedError

    @rule(merchant=MERCHANTS, number=NUMBERS, membership=MEMBERSHIPS)
    def put(self, merchant: str, number: int, membership: Membership) -> None:
        self._put(key_of(merchant, number), membership)

    @rule(merchant=MERCHANTS, first=NUMBERS, count=st.integers(1, 400), membership=MEMBERSHIPS)
    def put_many(self, merchant: str, first: int, count: int, membership: Membership) -> None:
        for number in range(first, first + count):
            self._put(key_of(merchant, number), membership)

    @rule(merchant=MERCHANTS, first=NUMBERS, count=st.integers(1, 400))
    def erase_many(self, merchant: str, first: int, count: int) -> None:
        for number in range(first, first + count):
            self._erase(key_of(merchant, number))

    @rule(merchant=MERCHANTS, number=NUMBERS)
    def erase_one_again_and_again(self, merchant: str, number: int) -> None:
        for _ in range(2):
            self._erase(key_of(merchant, number))

    @rule(membership=MEMBERSHIPS)
    def put_everybody_again(self, membership: Membership) -> None:
        for key in list(self.model):
            self._put(key, membership)

    @invariant()
    def all_see_as_many_as_there_are(self) -> None:
        assert [len(each) for each in self._all()] == [len(self.model)] * len(self._all())

    def teardown(self) -> None:
        for key in sorted(self.touched):
            for each in self._all():
                assert each.get(key) == self.model.get(key), key

    def _all(self) -> list[Lookup]:
        return [self.table, *self.readers]

    def _put(self, key: bytes, membership: Membership) -> None:
        self.table.put(key, membership)
        self.model[key] = membership
        self._look(key)

    def _erase(self, key: bytes) -> None:
        self.table.put(key, None)
        self.model.pop(key, None)
        self._look(key)

    def _look(self, key: bytes) -> None:
        self.touched.add(key)
        for each in self._all():
            assert each.get(key) == self.model.get(key)


class DictTableLaws(TableLaws):
    def made(self) -> tuple[Table, list[Lookup]]:
        return DictTable(), []


class PackedTableLaws(TableLaws):
    """Begins as small as can be, with room for 255 units of memberships, so that everything is rebuilt many times."""

    layout: ClassVar = Layout(bits=10, skip=1, index_bits=8)

    def made(self) -> tuple[Table, list[Lookup]]:
        self.folder = Path(tempfile.mkdtemp())
        self.directory = self.folder / "table"
        before = PackedTable.attach(self.directory)
        self.packed = PackedTable.begin(self.directory, self.layout)
        self.packed.publish()
        return self.packed, [before, PackedTable.attach(self.directory)]

    @precondition(lambda self: len(self.readers) < 5)
    @rule()
    def another_reader_comes(self) -> None:
        self.readers.append(PackedTable.attach(self.directory))

    @rule()
    def the_writer_starts_anew_from_a_snapshot(self) -> None:
        path, position = self.folder / "snapshot", Position("assignments", "id", 0, 17)
        save_snapshot(self.packed, (position,), path, host="here", now=5)
        self.packed.close()
        loaded = load_snapshot(
            path,
            self.directory,
            host="here",
            topic_ids={"assignments": "id"},
            partitions={"assignments": [0]},
            now=6,
            retention_ms=1000,
        )
        assert loaded is not None
        self.packed, positions = loaded
        assert positions == (position,)
        self.packed.publish()
        self.table = self.packed

    @invariant()
    def it_had_room(self) -> None:
        assert self.packed.refused == 0

    @invariant()
    def only_the_present_generation_has_files(self) -> None:
        number = self.packed.generation.number
        found = {path.name for path in self.directory.iterdir()}
        assert found == {"current", f"words-{number}", f"memberships-{number}"}

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.packed.close()
            shutil.rmtree(self.folder)

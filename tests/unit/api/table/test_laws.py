"""Every table keeps the same laws."""

from hypothesis import settings

from tests.unit.api.table.laws import DictTableLaws, PackedTableLaws

DictTableLaws.TestCase.settings = settings(max_examples=10, stateful_step_count=20, deadline=None)
PackedTableLaws.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestDictTable = DictTableLaws.TestCase
TestPackedTable = PackedTableLaws.TestCase

"""The look-up table: the customer's identity in, the segments that the streams put the customer in out.

`DictTable` lives in one process. `PackedTable` is written by one process of a host and read by all others through
`AttachedTable`, in 8 bytes a slot; a snapshot of it makes the next start quick.
"""

from api.edge.table.attached import AttachedTable
from api.edge.table.directory import clear, table_directory
from api.edge.table.packed import PackedTable
from api.edge.table.plain import DictTable
from api.edge.table.port import Lookup, Table
from api.edge.table.snapshot import Position, load_snapshot, save_snapshot

__all__ = [
    "AttachedTable",
    "DictTable",
    "Lookup",
    "PackedTable",
    "Position",
    "Table",
    "clear",
    "load_snapshot",
    "save_snapshot",
    "table_directory",
]

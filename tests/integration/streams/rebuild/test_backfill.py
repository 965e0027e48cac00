"""A shop begins with its past: real visits and orders of known people, at the time they happened, each counted once."""

import gzip
from itertools import islice
from pathlib import Path

from models.contracts.ids import known_customer
from tests.support.chores import said
from tests.support.streams import MERCHANT, Room, metric
from tests.support.waiting import eventually

VISITS = Path("demo/visits")
ROWS = 2_500
ORDERS = """
kind = "conversion"
customer = { column = "account", known = true }
at = { column = "ordered" }
value = { column = "total" }
"""


def slice_of_visits(folder: Path) -> Path:
    """The first rows, and two that cannot be used."""
    with gzip.open(VISITS / "eshop_clothing_2008.csv.gz", "rt") as whole:
        lines = list(islice(whole, ROWS + 1))
    lines[100] = lines[100].replace("2008;", "20x8;", 1)
    lines[200] = "2008;4\n"
    file = folder / "visits.csv"
    file.write_text("".join(lines))
    return file


def test_visits_and_orders_of_the_past_are_counted_once(kafka_room: Room, tmp_path: Path) -> None:
    room, file = kafka_room, slice_of_visits(tmp_path)
    command = ("profiles", "backfill", str(file), "--mapping", str(VISITS / "mapping.toml"), "--merchant", MERCHANT)
    with room.worker("a") as worker:

        def count(result: str) -> float:
            return metric(worker, "tailorbird_worker_events_total", result=result)

        done = said(room, *command)
        assert (done["rows"], done["sent"], done["rejected"]) == (ROWS, ROWS - 2, 2)
        assert done["reasons"][0].startswith("row 101: column 'year month day'")
        eventually(lambda: count("folded") == ROWS - 2, 60, "every row is folded")
        again = said(room, *command)
        assert (again["resumed"], again["sent"]) == (ROWS, 0)
        for note in (room.folder / "chores" / "backfill").iterdir():
            note.unlink()  # as on another machine
        assert said(room, *command)["sent"] == ROWS - 2
        eventually(lambda: count("doubled") == ROWS - 2, 60, "every row came again")
        assert count("folded") == ROWS - 2
        profiles = room.profiles()
        assert sum(each.counters["queries"].total for each in profiles.values()) == ROWS - 2
        first = profiles["visit-1"]
        assert first.counters["sessions"].total == 1
        assert first.last == 1_207_000_800_000, "1 April 2008 in Warsaw: when it happened, not when it was sent"

        mended = Path(done["aside"])
        lines = mended.read_text().splitlines()
        assert len(lines) == 3
        mended.write_text("\n".join([lines[0], lines[1].replace("20x8;", "2008;")]) + "\n")
        part = said(room, *command[:2], str(mended), *command[3:])
        assert (part["sent"], part["rejected"]) == (1, 0)

        orders, mapping = tmp_path / "orders.csv", tmp_path / "orders.toml"
        mapping.write_text(ORDERS)
        orders.write_text(
            "account,ordered,total\nann,2024-03-01,10\nbob,2024-03-01,7\nann,2025-03-01T12:00+01:00,2.5\n"
        )
        command = ("profiles", "backfill", str(orders), "--mapping", str(mapping), "--merchant", MERCHANT)
        assert said(room, *command)["sent"] == 5
        eventually(lambda: spent(room, "ann") == (2, 12.5), 60, "a known customer has what the shop knew")
        assert spent(room, "bob") == (1, 7.0)


def spent(room: Room, known: str) -> tuple[float, float] | None:
    profile = room.profiles().get(known_customer(known))
    if profile is None or "conversions" not in profile.counters:
        return None
    return profile.counters["conversions"].total, profile.counters["spend"].total

"""A shop's past: rows become events at the time they happened, under ids that are the same every time; what is wrong is said
by row and column."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.contracts.errors import ConfigurationError
from models.contracts.events import Conversion, Event, Identify, Query, View
from models.contracts.settings import Settings
from streams.rebuild.backfill.filling import Filled, backfill
from streams.rebuild.backfill.mapping import Mapping, read_mapping
from streams.rebuild.backfill.rows import Source, print_of
from streams.rebuild.backfill.turning import RowError, Turning

NOW = 1_763_800_000_000
ORDERS = """
kind = "conversion"
delimiter = ";"
decimal = ","
[customer]
column = "account"
known = true
[at]
column = "ordered"
format = "%d.%m.%Y %H:%M"
timezone = "Europe/Berlin"
[value]
column = "total"
[currency]
constant = "EUR"
[transaction]
column = "order"
[context.category]
column = "department"
values = { 1 = "trousers" }
"""
CSV = """account;order;ordered;total;department
ann;o1;24.12.2023 18:30;1.234,50;1
bob;o2;01.07.2023 09:00;20,00;skirts
ann;o3;25.12.2023 18:30;5;
"""


def mapping(text: str = ORDERS) -> Mapping:
    return msgspec.toml.decode(text, type=Mapping)


def turned(file: Path, declared: Mapping) -> list[Event]:
    turning = Turning(declared, "m", print_of(file, "m", declared.kind), NOW)
    return [event for each in Source(file, declared).rows() for event in turning.events(each.row, each.number)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "orders.csv"
    made.write_text(CSV)
    return made


def test_orders_of_known_people_are_identified_once_and_kept_in_their_time(file: Path) -> None:
    events = turned(file, mapping())
    assert [type(event) for event in events] == [Identify, Conversion, Identify, Conversion, Conversion]
    known, first = events[0], events[1]
    assert isinstance(known, Identify)
    assert isinstance(first, Conversion)
    assert (known.customer, known.known_id, known.proven) == ("past:ann", "ann", True)
    assert first.at == int(datetime(2023, 12, 24, 17, 30, tzinfo=UTC).timestamp() * 1000)
    assert (first.value, first.currency, first.transaction_id, first.received) == (1234.5, "EUR", "o1", NOW)
    assert first.context == {"category": "trousers"}
    assert events[3].context == {"category": "skirts"}
    assert events[4].context == {}


def test_a_row_is_the_same_event_every_time_and_another_in_another_file(file: Path, tmp_path: Path) -> None:
    once, again = turned(file, mapping()), turned(file, mapping())
    assert once == again
    assert len({event.id for event in once}) == len(once)
    sequences = [event.origin.seq for event in once if event.origin is not None]
    assert sequences == sorted(set(sequences)), (
        "what a profile takes for a repetition comes never before what it is not"
    )
    other = tmp_path / "other.csv"
    other.write_text(CSV + "\n")
    assert not {event.id for event in turned(other, mapping())} & {event.id for event in once}


def test_parquet_and_gzip_say_the_same_as_csv(file: Path, tmp_path: Path) -> None:
    zipped = tmp_path / "orders.csv.gz"
    zipped.write_bytes(gzip.compress(CSV.encode()))
    typed = tmp_path / "orders.parquet"
    at = [datetime(2023, 12, 24, 18, 30), datetime(2023, 7, 1, 9), datetime(2023, 12, 25, 18, 30)]  # noqa: DTZ001
    columns = {
        "account": ["ann", "bob", "ann"], "order": ["o1", "o2", "o3"], "ordered": at, "total": ["1234,5", "20", "5"],
        "department": ["1", "skirts", None],
    }  # fmt: skip
    pq.write_table(pa.table(columns), typed)

    def said(events: list[Event]) -> list[object]:
        return [(event.customer, event.at, event.context, getattr(event, "value", None)) for event in events]

    assert said(turned(zipped, mapping())) == said(turned(file, mapping())) == said(turned(typed, mapping()))


def test_visits_of_the_recorded_shop() -> None:
    visits = Path("demo/visits")
    declared = read_mapping(visits / "mapping.toml")
    source = Source(visits / "eshop_clothing_2008.csv.gz", declared)
    first = next(source.rows())
    (event,) = Turning(declared, "m", "x", NOW).events(first.row, first.number)
    assert isinstance(event, Query)
    assert (event.customer, event.session, first.line) == ("visit-1", "1", 2)
    assert event.context == {"category": "trousers", "product": "A13", "page_type": "product"}
    assert datetime.fromtimestamp(event.at / 1000, UTC).isoformat() == "2008-03-31T22:00:00+00:00"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("an n;o;24.12.2023 18:30;1;", "column 'account': no id: 1 to 59 of"),
        (";o;24.12.2023 18:30;1;", "column 'account': no id"),
        ("k:ann;o;24.12.2023 18:30;1;", "column 'account': no id"),
        ("ann;o;2023-12-24;1;", "column 'ordered': no time of format '%d.%m.%Y %H:%M'"),
        ("ann;o;24.12.2923 18:30;1;", "column 'ordered': before 1990 or in the future"),
        ("ann;o;24.12.1923 18:30;1;", "column 'ordered': before 1990 or in the future"),
        ("ann;o;24.12.2023 18:30;x;", "column 'total': no number"),
        ("ann;o;24.12.2023 18:30;-1;", "column 'total': negative or not finite"),
        ("ann;o;24.12.2023 18:30;inf;", "column 'total': negative or not finite"),
        (f"ann;o;24.12.2023 18:30;1;{'x' * 300}", "column 'department': 300 characters, at most 256"),
        ("ann;o;24.12.2023 18:30;1;\udcff", "column 'department': not in the file's encoding"),
    ],
)
def test_a_row_that_cannot_be_used_is_said_by_column_and_names_nobody(tmp_path: Path, row: str, says: str) -> None:
    file = tmp_path / "orders.csv"
    file.write_bytes((CSV.splitlines()[0] + "\n" + row + "\n").encode(errors="surrogateescape"))
    with pytest.raises(RowError) as told:
        turned(file, mapping())
    assert str(told.value).startswith(says)
    assert "an n" not in str(told.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('kind = "conversion"', 'kind = "order"'), "Invalid enum value 'order'"),
        (("known = true", "know = true"), "unknown field `know`"),
        (('timezone = "Europe/Berlin"', 'timezone = "Berlin"'), "there is no timezone Berlin"),
        (('constant = "EUR"', 'constant = "EUR"\ncolumn = "c"'), "either column or constant"),
        (('kind = "conversion"', 'kind = "view"'), "belong to conversions"),
        (("[customer]", "[customer"), "cannot be used"),
    ],
)
def test_a_mapping_that_does_not_fit_is_said(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    declared = tmp_path / "mapping.toml"
    declared.write_text(ORDERS.replace(*change))
    with pytest.raises(ConfigurationError, match=r"mapping.* cannot be used") as told:
        read_mapping(declared)
    assert says in str(told.value)


def dry(file: Path, declared: str = ORDERS) -> Filled:
    mapping_file = file.with_name("mapping.toml")
    mapping_file.write_text(declared)
    settings = Settings(data_dir=str(file.parent))
    return backfill(settings, file, mapping_file, "m", lambda _: None, dry_run=True)


def test_a_dry_run_says_what_rows_become_and_what_is_wrong_and_writes_nothing(file: Path) -> None:
    file.write_text(CSV + "eve;o4\n\neve;o5;yesterday;1;\n")
    before = {*file.parent.iterdir(), file.with_name("mapping.toml")}
    done = dry(file)
    assert (done.rows, done.sent, done.rejected) == (5, 5, 2)
    assert done.reasons == [
        "row 5: 2 fields, of 5 columns",
        "row 7: column 'ordered': no time of format '%d.%m.%Y %H:%M'",
    ]
    assert done.first[1]["value"] == 1234.5
    assert set(file.parent.iterdir()) == before


def test_a_file_without_a_header_is_named_by_the_mapping(tmp_path: Path) -> None:
    file = tmp_path / "cds.txt"
    file.write_text(" customer  date cds  dollars\r\n 00001 19970101  1   11.77\r\n 00002 19970112  5   77.00\r\n")
    declared = """
kind = "conversion"
delimiter = " "
skip_lines = 1
header = ["customer", "date", "cds", "dollars"]
customer = { column = "customer" }
at = { column = "date", format = "%Y%m%d" }
value = { column = "dollars" }
"""
    done = dry(file, declared)
    assert [(each["customer"], each["value"]) for each in done.first] == [("00001", 11.77), ("00002", 77.0)]


def test_columns_that_are_not_there_and_a_mapping_that_never_fits_end_it(file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"has no column 'account'; it has: account;order;ordered"):
        dry(file, ORDERS.replace('delimiter = ";"', ""))
    file.write_text("account;order;ordered;total;department\n" + "ann;o;2023-12-24;1;\n" * 200)
    with pytest.raises(ConfigurationError, match=r"None of the first 100 rows can be used\. row 2: column 'ordered'"):
        dry(file)


def test_a_view_of_the_same_file_is_another_event(file: Path) -> None:
    declared = mapping(
        'kind = "view"\ndelimiter = ";"\ncustomer = { column = "order" }\nat = { column = "ordered", format = "%d.%m.%Y %H:%M" }'
    )
    views = turned(file, declared)
    assert all(isinstance(event, View) for event in views)
    assert not {event.id for event in views} & {event.id for event in turned(file, mapping())}

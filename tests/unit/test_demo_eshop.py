"""The reader of the e-shop clothing data: order, determinism, mapping, and what it must not invent."""

import gzip
import itertools
import json
import re
from pathlib import Path

import pytest

from demo import eshop
from demo.visit import UnreadableVisitError, Visit, moved, read_csv, read_jsonl

ID = re.compile(r"^[A-Za-z0-9_.:-]{1,64}$")


@pytest.fixture(scope="module")
def first_sessions() -> list[Visit]:
    return list(eshop.visits(seed=7, sessions=600))


def test_every_row_of_the_file_is_read() -> None:
    rows = list(eshop.rows())
    assert len(rows) == eshop.VIEWS
    assert len({row.session for row in rows}) == 24_026


def test_visits_are_in_order_of_time_across_days(first_sessions: list[Visit]) -> None:
    assert all(a.at <= b.at for a, b in itertools.pairwise(first_sessions))
    assert first_sessions[-1].at - first_sessions[0].at > eshop.DAY


def test_pages_of_a_session_keep_the_order_of_the_data(first_sessions: list[Visit]) -> None:
    expected: dict[str, list[str]] = {}
    for row in itertools.islice(eshop.rows(), len(first_sessions)):
        expected.setdefault(f"eshop-{row.session}", []).append(row.model)
    read: dict[str, list[object]] = {}
    for visit in first_sessions:
        read.setdefault(visit.customer, []).append(visit.context["product"])
    assert read == expected


def test_the_same_seed_gives_the_same_visits_and_another_seed_other_times(first_sessions: list[Visit]) -> None:
    assert list(eshop.visits(seed=7, sessions=600)) == first_sessions
    other = list(eshop.visits(seed=8, sessions=600))
    assert [visit.at for visit in other] != [visit.at for visit in first_sessions]
    assert sorted(visit.customer for visit in other) == sorted(visit.customer for visit in first_sessions)


def test_a_shorter_replay_is_the_beginning_of_a_longer_one(first_sessions: list[Visit]) -> None:
    few = {visit.customer: visit.at for visit in eshop.visits(seed=7, sessions=50)}
    assert few == {visit.customer: visit.at for visit in first_sessions if visit.customer in few}


def test_no_gap_within_a_session_would_end_it(first_sessions: list[Visit]) -> None:
    last: dict[str, int] = {}
    for visit in first_sessions:
        assert 0 < visit.at - last.get(visit.customer, visit.at - 1) <= 301_000
        last[visit.customer] = visit.at


def test_one_customer_is_one_session_and_ids_fit_the_wire(first_sessions: list[Visit]) -> None:
    sessions = {(visit.customer, visit.session) for visit in first_sessions}
    assert len(sessions) == len({customer for customer, _ in sessions}) == 600
    assert all(ID.match(name) for pair in sessions for name in pair)


def test_context_holds_what_the_page_would_say() -> None:
    first = next(eshop.rows())
    assert eshop.context_of(first) == {
        "page": "/product/A13",
        "page_type": "product",
        "category": "trousers",
        "product": "A13",
        "price": 28.0,
        "colour": "beige",
        "list_page": 1.0,
        "list_place": 5.0,
        "country": "PL",
    }


def test_a_visitor_without_a_country_has_none_in_the_context() -> None:
    unidentified = next(row for row in eshop.rows() if row.country is None)
    assert "country" not in eshop.context_of(unidentified)


def test_the_catalogue_is_the_shop_s() -> None:
    catalogue = eshop.products()
    assert len(catalogue) == 217
    assert {product.category for product in catalogue.values()} == set(eshop.CATEGORIES.values())
    assert sum(product.views for product in catalogue.values()) == 165_474


def test_moved_visits_keep_their_distances(first_sessions: list[Visit]) -> None:
    later = list(moved(first_sessions[:20], 5_000))
    assert [b.at - a.at for a, b in zip(first_sessions, later, strict=False)] == [5_000] * 20


def test_jsonl_and_csv_name_the_line_that_is_no_visit(tmp_path: Path) -> None:
    good = {"at": 1, "customer": "a", "session": "s", "placements": ["hero"], "context": {"page": "/"}}
    lines = tmp_path / "visits.jsonl"
    lines.write_text(json.dumps(good) + "\n\n" + '{"at": 1}\n')
    reading = read_jsonl(lines)
    assert next(reading) == Visit(1, "a", "s", ("hero",), {"page": "/"})
    with pytest.raises(UnreadableVisitError, match=r"visits\.jsonl, line 3"):
        next(reading)

    table = tmp_path / "visits.csv.gz"
    with gzip.open(table, "wt") as out:
        out.write("at,customer,session,placements,page,category\n5,a,s,hero side,/x,skirts\nx,a,s,hero,,\n")
    rows = read_csv(table)
    assert next(rows) == Visit(5, "a", "s", ("hero", "side"), {"page": "/x", "category": "skirts"})
    with pytest.raises(UnreadableVisitError, match=r"visits\.csv\.gz, line 3"):
        next(rows)


@pytest.mark.parametrize("content", [b"not gzip", gzip.compress(b"a;b\n1;2\n"), gzip.compress(b"year;month\nx;1\n")])
def test_another_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other.csv.gz"
    file.write_bytes(content)
    with pytest.raises(UnreadableVisitError, match=r"other\.csv\.gz, line \d: not the e-shop clothing data"):
        list(eshop.rows(file))

"""The e-shop clothing data as visits in order, and as the catalogue of the demonstration shop.

Source and licence: demo/visits/README.md. The data has days but no time of day, and nobody beyond a session: times are
drawn from the seed, and one session is one customer.
"""

import csv
import gzip
import itertools
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from demo.visit import ContextValue, UnreadableVisitError, Visit

VISITS = Path(__file__).parent / "visits" / "eshop_clothing_2008.csv.gz"

CATEGORIES = {"1": "trousers", "2": "skirts", "3": "blouses", "4": "sale"}
# fmt: off
COLOURS = {
    "1": "beige", "2": "black", "3": "blue", "4": "brown", "5": "burgundy", "6": "gray", "7": "green",
    "8": "navy", "9": "many", "10": "olive", "11": "pink", "12": "red", "13": "violet", "14": "white",
}
# ISO 3166 codes; 12 is unidentified and 43-47 are domains without a country, which stay out of the context.
COUNTRIES = {
    "1": "AU", "2": "AT", "3": "BE", "4": "VG", "5": "KY", "6": "CX", "7": "HR", "8": "CY", "9": "CZ", "10": "DK",
    "11": "EE", "13": "FO", "14": "FI", "15": "FR", "16": "DE", "17": "GR", "18": "HU", "19": "IS", "20": "IN",
    "21": "IE", "22": "IT", "23": "LV", "24": "LT", "25": "LU", "26": "MX", "27": "NL", "28": "NO", "29": "PL",
    "30": "PT", "31": "RO", "32": "RU", "33": "SM", "34": "SK", "35": "SI", "36": "ES", "37": "SE", "38": "CH",
    "39": "UA", "40": "AE", "41": "GB", "42": "US",
}
# How busy each hour of the shop's day is, 0 to 23 o'clock: asleep until six, busiest after supper. Made up, like any
# time of day here.
HOURS = (2, 1, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 10, 10, 9, 9, 9, 10, 11, 13, 14, 13, 9, 5)
# fmt: on

VIEWS = 165_474  # rows of the file
PLACEMENTS = ("hero", "side")
# The shop is in Poland, and all its days fall into summer time.
SHOP_TIME = timezone(timedelta(hours=2))
DAY = 86_400_000
# Seconds between two pages: log-normal, median 22 s, and never near the half hour that would end the session.
GAP_MU, GAP_SIGMA, GAP_MAX = 3.1, 0.8, 300.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the data, decoded."""

    day: tuple[int, int, int]
    session: str
    country: str | None
    category: str
    model: str
    colour: str
    price: int
    profile_photo: bool
    list_place: int
    list_page: int


@dataclass(frozen=True, slots=True)
class Product:
    """A clothing model of the shop; `views` counts its rows, `price` is in US dollars."""

    model: str
    category: str
    colour: str
    price: int
    profile_photo: bool
    views: int


def rows(path: Path = VISITS) -> Iterator[Row]:
    """Every page view in the order of the file: by day, then session, then order within the session.

    Raises UnreadableVisitError, naming the line, where the file is not this data.
    """
    number = 1
    try:
        with gzip.open(path, "rt", encoding="ascii", newline="") as text:
            for number, line in enumerate(csv.DictReader(text, delimiter=";"), 2):  # noqa: B007 - the error names it
                yield _row(line)
    except (KeyError, ValueError, EOFError, gzip.BadGzipFile) as wrong:
        raise UnreadableVisitError(f"{path.name}, line {number}: not the e-shop clothing data ({wrong!r})") from wrong


def _row(line: Mapping[str, str]) -> Row:
    return Row(
        day=(int(line["year"]), int(line["month"]), int(line["day"])),
        session=line["session ID"],
        country=COUNTRIES.get(line["country"]),
        category=CATEGORIES[line["page 1 (main category)"]],
        model=line["page 2 (clothing model)"],
        colour=COLOURS[line["colour"]],
        price=int(line["price"]),
        profile_photo=line["model photography"] == "2",
        list_place=int(line["location"]),
        list_page=int(line["page"]),
    )


def visits(seed: int, path: Path = VISITS, sessions: int | None = None) -> Iterator[Visit]:
    """The first `sessions` sessions (None: all) as visits in order of time; the same seed gives the same times.

    A session begins early enough to end on its day, so days follow one another and order holds over the whole file.
    """
    by_session = itertools.islice(_sessions(path), sessions)
    for _, of_day in itertools.groupby(by_session, key=lambda session: session[0].day):
        yield from sorted(
            (visit for session in of_day for visit in _timed(session, seed)),
            key=lambda visit: visit.at,
        )


def products(path: Path = VISITS) -> dict[str, Product]:
    """The shop's clothing models by name, most viewed first within each category."""
    seen: dict[str, Row] = {}
    views: Counter[str] = Counter()
    category: dict[str, Counter[str]] = {}
    for row in rows(path):
        seen.setdefault(row.model, row)
        views[row.model] += 1
        category.setdefault(row.model, Counter())[row.category] += 1
    return {
        model: Product(
            model=model,
            # One model appears under two categories in a few rows: it belongs where it was seen more often.
            category=category[model].most_common(1)[0][0],
            colour=seen[model].colour,
            price=seen[model].price,
            profile_photo=seen[model].profile_photo,
            views=count,
        )
        for model, count in views.most_common()
    }


def context_of(row: Row) -> dict[str, ContextValue]:
    """What the shop's page would tell the snippet about itself."""
    context: dict[str, ContextValue] = {
        "page": f"/product/{row.model}",
        "page_type": "product",
        "category": row.category,
        "product": row.model,
        "price": float(row.price),
        "colour": row.colour,
        "list_page": float(row.list_page),
        "list_place": float(row.list_place),
    }
    return context if row.country is None else {**context, "country": row.country}


def _sessions(path: Path) -> Iterator[list[Row]]:
    for _, views in itertools.groupby(rows(path), key=lambda row: row.session):
        yield list(views)


def _timed(session: list[Row], seed: int) -> Iterator[Visit]:
    """A session's visits. Its random numbers depend on seed and session alone, so a subset of the file keeps its times."""
    draw = random.Random(f"{seed}/{session[0].session}")  # noqa: S311 - made-up times of day, nothing secret
    gaps = [0.0] + [min(draw.lognormvariate(GAP_MU, GAP_SIGMA), GAP_MAX) for _ in session[1:]]
    lasts = int(sum(gaps) * 1_000) + len(gaps)
    hour = draw.choices(range(24), HOURS)[0]
    start = min(int((hour + draw.random()) * 3_600_000), DAY - 1 - lasts)
    at = int(datetime(*session[0].day, tzinfo=SHOP_TIME).timestamp() * 1_000) + start
    for row, gap in zip(session, gaps, strict=True):
        at += int(gap * 1_000) + 1
        yield Visit(
            at=at,
            customer=f"eshop-{row.session}",
            session=f"eshop-{row.session}-1",
            placements=PLACEMENTS,
            context=context_of(row),
        )

"""A profile of version 1 in the form of today: it is read for ever and never written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from msgspec import Raw

from models.contracts import profile_v1
from models.contracts.profile import (
    ARMS,
    CLICK,
    IMPRESSION,
    Asked,
    Change,
    Counter,
    Membership,
    PastSession,
    Profile,
    Slow,
    pack,
)


def upgraded(old: profile_v1.Profile) -> Profile:
    """The same profile in the present form."""
    products = old.families.pop("product", {})
    return Profile(
        merchant=old.merchant,
        customer=old.customer,
        marks=old.marks,
        origins=old.origins,
        recent=old.recent,
        received=old.received,
        first=old.first,
        last=old.last,
        previous_last=old.previous_last,
        session=old.session,
        session_started=old.session_started,
        session_last=old.session_last,
        earlier=[PastSession(one.id, one.started, one.last) for one in old.earlier],
        landmark=old.landmark,
        counters=_counters(old.counters),
        families={family: _counters(values) for family, values in old.families.items()},
        products={name: Slow(_plain(one.total), one.d14) for name, one in products.items()},
        membership=_membership(old.membership),
        asked=[Raw(pack(each)) for each in _asked(old.shown)],
        remembered=len(old.shown),
        moves=[Raw(pack(Change(one.at, _membership(one.old), _membership(one.new)))) for one in old.changes],
        known_id=old.known_id,
    )


def _counters(values: dict[str, profile_v1.Counter]) -> dict[str, Counter]:
    return {name: Counter(_plain(one.total), one.m30, one.d1, one.d14) for name, one in values.items()}


def _plain(total: float) -> int | float:
    return int(total) if total.is_integer() else total


def _membership(old: profile_v1.Membership) -> Membership:
    return Membership(old.learned, old.defined, old.model_version)


def _asked(shown: list[profile_v1.Shown]) -> Iterator[Asked]:
    for (query, at), group in groupby(shown, key=lambda one: (one.id.rpartition("/")[0], one.at)):
        rows = [
            (
                one.placement,
                one.content,
                one.segment,
                one.context_segment,
                ARMS.index(one.arm) | IMPRESSION * one.impression | CLICK * one.click,
            )
            for one in group
        ]
        yield Asked(len(rows), query, at, rows)

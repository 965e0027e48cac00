"""Assignment: which learned and which defined segments a profile is in, by numbers that are already there."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Raw

from models.contracts.contents import DefinedSegment
from models.contracts.profile import RECENT_CHANGES, Assignment, Change, Membership, Profile, pack
from models.contracts.segments import SegmentModel
from models.features.vector import Vectoriser
from models.segmentation.rules import profile_rule

NOWHERE: Final = Membership()
FIRST_QUERY: Final = 2
"""Learned segments begin with the second query: one page view says too little."""


class Nearest:
    """The centres of a model with its scaler folded in.

    With z = (x - mean) / scale, ``|z - c|^2 = |z|^2 + (|c|^2 + 2 c.m) - (2 c / scale) . x`` where m = mean / scale: what
    differs between centres is one product and one sum, and |z| is needed only for the switching margin.

    Of a single row most features are 0, and centres are few: plain floats are quicker than arrays there.
    """

    def __init__(self, model: SegmentModel) -> None:
        centres = np.asarray(model.centres, dtype=np.float64)
        self._mean = np.asarray(model.mean, dtype=np.float64)
        self._scale = np.asarray(model.scale, dtype=np.float64)
        self._slope = -2.0 * centres / self._scale
        self._base = (centres**2).sum(axis=1) + 2.0 * centres @ (self._mean / self._scale)
        self._keep = (1.0 - model.margin) ** 2
        # For a single row, where |z|^2 = |z of nothing|^2 + x (curve x - twist).
        self._bases: list[float] = self._base.tolist()
        self._slopes: list[list[float]] = self._slope.tolist()
        self._nothing = float(((self._mean / self._scale) ** 2).sum())
        self._curves: list[float] = (self._scale**-2.0).tolist()
        self._twists: list[float] = (2.0 * self._mean / self._scale**2).tolist()

    def index(self, x: list[float], current: int | None) -> int:
        """The nearest centre, or `current` where that is not nearer by the margin."""
        some = [(place, value) for place, value in enumerate(x) if value != 0.0]
        best, least, held = 0, inf, 0.0
        for centre, slope in enumerate(self._slopes):
            partial = self._bases[centre]
            for place, value in some:
                partial += slope[place] * value
            if partial < least:
                best, least = centre, partial
            if centre == current:
                held = partial
        if current is None or best == current:
            return best
        square = self._nothing
        for place, value in some:
            square += value * (self._curves[place] * value - self._twists[place])
        return best if square + least < self._keep * (square + held) else current

    def indices(
        self, rows: npt.NDArray[np.float32], current: npt.NDArray[np.intp] | None = None
    ) -> npt.NDArray[np.intp]:
        """As `index` for each row of shape (n, features). `current`: shape (n,), -1 = none; None = nobody has any."""
        partial = self._base + rows @ self._slope.T
        best = np.asarray(partial.argmin(axis=1))
        if current is None:
            return best
        every = np.arange(len(rows))
        square = (((rows - self._mean) / self._scale) ** 2).sum(axis=1)
        switch = square + partial[every, best] < self._keep * (square + partial[every, current])
        return np.where((current < 0) | switch, best, current)


class Segmenter:
    """Compiled once from a model and the defined segments of a publication."""

    def __init__(self, model: SegmentModel | None, defined: Sequence[DefinedSegment]) -> None:
        """Raises RuleError or ValueError where a rule or the model's schema names no field."""
        self._version = None if model is None else model.version
        self._ids = () if model is None else tuple(segment.id for segment in model.segments)
        self._places = {name: place for place, name in enumerate(self._ids)}
        self._nearest = None if model is None else Nearest(model)
        self._vector = None if model is None else Vectoriser(model.features)
        self._rules = [(s.id, profile_rule(s.rule, f"segments.{s.id}.rule")) for s in defined if s.rule is not None]

    def membership(self, profile: Profile, at: int) -> Membership:
        """Where the profile belongs at `at` (ms). The very membership it has where no segment changes."""
        learned = None
        if self._nearest is not None and self._vector is not None and _is_known(profile):
            learned = self._ids[self._nearest.index(self._vector.row(profile, at), self._current(profile))]
        return self._member(profile, at, learned)

    def memberships(self, profiles: Sequence[Profile], ats: Sequence[int]) -> list[Membership]:
        """`membership` of each, with all distances in one product."""
        learned: list[str | None] = [None] * len(profiles)
        if self._nearest is not None and self._vector is not None:
            known = [place for place, profile in enumerate(profiles) if _is_known(profile)]
            if known:
                those = [profiles[place] for place in known]
                rows = self._vector.rows(those, [ats[place] for place in known])
                current = [-1 if (now := self._current(profile)) is None else now for profile in those]
                for place, index in zip(known, self._nearest.indices(rows, np.array(current)).tolist(), strict=True):
                    learned[place] = self._ids[index]
        return [self._member(*each) for each in zip(profiles, ats, learned, strict=True)]

    def _current(self, profile: Profile) -> int | None:
        now = profile.membership.learned
        return None if now is None else self._places.get(now)

    def _member(self, profile: Profile, at: int, learned: str | None) -> Membership:
        old = profile.membership
        defined = tuple(sorted(name for name, rule in self._rules if rule(profile, at))) if self._rules else ()
        if learned == old.learned and defined == old.defined:
            return old
        return Membership(learned, defined, self._version if learned is not None else None)


def _is_known(profile: Profile) -> bool:
    queries = profile.counters.get("queries")
    return queries is not None and queries.total >= FIRST_QUERY


def reassign(profile: Profile, segmenter: Segmenter, at: int) -> Assignment | None:
    """Assign anew and remember the change in the profile. None: nothing changed, or the customer was seen once."""
    return _changed(profile, segmenter.membership(profile, at), at)


def reassign_all(profiles: Sequence[Profile], segmenter: Segmenter) -> list[Assignment | None]:
    """`reassign` of each, as of its last event."""
    ats = [profile.last for profile in profiles]
    memberships = segmenter.memberships(profiles, ats)
    return [_changed(*each) for each in zip(profiles, memberships, ats, strict=True)]


def _changed(profile: Profile, new: Membership, at: int) -> Assignment | None:
    old = profile.membership
    if new is old or (_seen_once(profile) and old == NOWHERE):
        return None
    profile.membership = new
    profile.moves.append(Raw(pack(Change(at, old, new))))
    del profile.moves[:-RECENT_CHANGES]
    return Assignment(
        merchant=profile.merchant, customer=profile.customer, membership=new, at=at, received=profile.received
    )


def _seen_once(profile: Profile) -> bool:
    """One query, and nothing that makes a customer known. Nothing is assigned yet, not even where a rule fits: ids that are
    never seen again, a million of them from one script, would each take a place in every edge's table. The answer to that
    one query lacks nothing, for the edge folds it and asks the rules itself."""
    return profile.known_id is None and "conversions" not in profile.counters and not _is_known(profile)

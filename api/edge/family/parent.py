"""Parent: forks the edge's processes, starts again what dies, and ends them in order.

It does nothing else: no broker, no event loop, no thread. What it imported before the first fork its children share, so a
further worker costs what it changes and not what it is.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from api.edge.family.child import SIGNALS, Child, Death, Life, fork
from api.edge.family.pauses import Pauses
from models.contracts.errors import TailorbirdError

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""Longest sleep of the parent while it waits for a signal."""
END_S: Final = 24.0
"""From SIGTERM to the end of the last child, the one second less that is promised."""
GIVE_UP_S: Final = 3.0
"""For the others to end where the edge cannot start."""


@dataclass(slots=True)
class Role:
    """One child to be kept running. `close`: descriptors that are the others'."""

    name: str
    work: Callable[[Life], None]
    close: Sequence[int] = ()
    pauses: Pauses = field(default_factory=Pauses)
    child: Child | None = None
    due: float | None = 0.0
    """When it is to be started; None while it runs."""
    settled: bool = False
    """It has begun at least once: what ends it from now on is no start that cannot be."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the end: who is asked, how, and how long is waited for them."""

    roles: Sequence[Role]
    signal: signal.Signals
    seconds: float


class Parent:
    """`run` blocks until it is told to end."""

    def __init__(self, roles: Sequence[Role], ending: Sequence[Step], before_end: Callable[[], None]) -> None:
        """`roles` in the order of their start. `before_end`: to let go of what the children have (listeners)."""
        self._roles = list(roles)
        self._ending = list(ending)
        self._before_end = before_end

    def run(self) -> None:
        """Until SIGTERM or SIGINT.

        Raises:
            TailorbirdError: a child could not begin; the error is the child's.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        # What is there now will live as long as the edge: a collection in a child need not touch, and so copy, its pages.
        gc.collect()
        gc.freeze()
        try:
            self._keep()
        except TailorbirdError:
            self._give_up()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _keep(self) -> None:
        while True:
            self._start_due()
            now = time.monotonic()
            due = [role.due - now for role in self._roles if role.due is not None]
            got = signal.sigtimedwait(SIGNALS, max(0.0, min(due, default=LOOK_S)))
            if got is not None and got.si_signo != signal.SIGCHLD:
                self._end(signal.Signals(got.si_signo))
                return
            for role, death in self._reaped():
                self._died(role, death)

    def _start_due(self) -> None:
        now = time.monotonic()
        for role in self._roles:
            if role.due is not None and role.due <= now:
                role.child = fork(role.name, role.work, now, role.close)
                role.due = None

    def _reaped(self) -> Iterable[tuple[Role, Death]]:
        """Who has ended. One signal may stand for several."""
        for role in self._roles:
            if role.child is not None:
                pid, status = os.waitpid(role.child.pid, os.WNOHANG)
                if pid:
                    child, role.child = role.child, None
                    yield role, self._noted(role, child, child.death(status))

    def _noted(self, role: Role, child: Child, death: Death) -> Death:
        role.settled = role.settled or death.begun
        role.due = time.monotonic() + role.pauses.died(time.monotonic() - child.born)
        return death

    def _died(self, role: Role, death: Death) -> None:
        error = None if death.said is None else death.said.error()
        if error is not None and (not role.settled or death.said is None or death.said.kind == "anew"):
            raise error
        pause = max(0.0, (role.due or 0.0) - time.monotonic())
        said = log.error if role.pauses.loops else log.warning
        how_often = f" {role.pauses.deaths} times in a row" if role.pauses.loops else ""
        said("%s ended%s (%s): starts again in %.1f s", role.name, how_often, death.cause, pause)

    def _end(self, asked: signal.Signals) -> None:
        """Step by step; whoever is late is killed. Ctrl-C waits for no balancer."""
        deadline = time.monotonic() + END_S
        self._before_end()
        for number, step in enumerate(self._ending):
            how = asked if number == 0 else step.signal
            self._ask(step.roles, how, min(deadline, time.monotonic() + step.seconds))

    def _ask(self, roles: Sequence[Role], how: signal.Signals, deadline: float) -> None:
        for role in roles:
            if role.child is not None:
                os.kill(role.child.pid, how)
        while any(role.child is not None for role in roles):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            got = signal.sigtimedwait(SIGNALS, min(left, LOOK_S))
            if got is not None and got.si_signo != signal.SIGCHLD:  # a second one: no more patience
                for role in roles:
                    if role.child is not None:
                        os.kill(role.child.pid, signal.SIGINT)
            for role, death in self._reaped():
                if death.code != 0:
                    log.warning("%s ended while the edge ends (%s)", role.name, death.cause)
        self._kill(roles)

    def _kill(self, roles: Sequence[Role]) -> None:
        for role in roles:
            if role.child is not None:
                log.error("%s did not end in time and is killed", role.name)
                os.kill(role.child.pid, signal.SIGKILL)
                os.waitpid(role.child.pid, 0)
                os.close(role.child.pipe)
                role.child = None

    def _give_up(self) -> None:
        self._before_end()
        self._ask(self._roles, signal.SIGTERM, time.monotonic() + GIVE_UP_S)

"""Child: one forked process of an edge, how it begins, how it ends, and what of its end reaches the parent."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec import Struct

from models.contracts.errors import ConfigurationError, TailorbirdError, UnavailableError

log = logging.getLogger(__name__)

_PR_SET_NAME: Final = 15
_PR_SET_PDEATHSIG: Final = 1
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
"""What the parent waits for and a child is born with blocked."""
ANEW: Final = 75
"""Exit code (EX_TEMPFAIL): what this edge holds is of other topics than those that are there; all of it has to begin anew."""


class AnewError(TailorbirdError):
    """Ends the child with ANEW."""

    exit_code = ANEW


class Said(Struct, frozen=True):
    """A child's last words."""

    kind: Literal["configuration", "unavailable", "anew", "bug"]
    what: str
    mend: str = ""

    def error(self) -> TailorbirdError | None:
        """The same as the error that it was; None for a bug."""
        match self.kind:
            case "configuration":
                return ConfigurationError(self.what, self.mend)
            case "unavailable":
                return UnavailableError(self.what, self.mend)
            case "anew":
                return AnewError(self.what)
            case _:
                return None


class Life:
    """What a child's work gets: whether it is asked to end, and a way to say that it has begun."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self.ending = False
        """Set by SIGTERM; a plain flag, because a handler may interrupt anything, also whoever holds a lock."""

    def begun(self) -> None:
        """From here on an error is a death like any other, and no longer a start that cannot be."""
        os.write(self._pipe, b"+")

    def last_words(self, said: Said) -> None:
        os.write(self._pipe, msgspec.json.encode(said))


class Death(NamedTuple):
    """`cause` is for the log. `said` None: it was killed, or left without a word."""

    code: int
    begun: bool
    said: Said | None
    cause: str


@dataclass(slots=True)
class Child:
    """A running child as its parent knows it."""

    name: str
    pid: int
    pipe: int
    born: float

    def death(self, status: int) -> Death:
        """After waitpid: what it left."""
        words = b""
        while part := os.read(self.pipe, 65536):
            words += part
        os.close(self.pipe)
        code = os.waitstatus_to_exitcode(status)
        begun, rest = words.startswith(b"+"), words.lstrip(b"+")
        said = msgspec.json.decode(rest, type=Said) if rest else None
        if said is not None:
            cause = said.what
        elif code < 0:
            cause = f"killed by {signal.Signals(-code).name}"
        else:
            cause = f"exit code {code}"
        return Death(code, begun, said, cause)


def fork(name: str, work: Callable[[Life], None], now: float, close: Iterable[int] = ()) -> Child:
    """Starts `work` in a process of its own, which ends with its parent, however the parent ends.

    The parent has one thread and its SIGNALS blocked. `close`: descriptors that are not this child's business.
    """
    parent = os.getpid()
    end, pipe = os.pipe2(os.O_CLOEXEC)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(pipe)
        return Child(name, pid, end, now)
    code = 1
    try:
        os.close(end)
        for other in close:
            os.close(other)
        code = _live(name, work, Life(pipe), parent)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # never back into the parent's code


def _live(name: str, work: Callable[[Life], None], life: Life, parent: int) -> int:
    """The child's exit code."""
    system = ctypes.CDLL(None)
    system.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:  # it died before the kernel knew
        return 1
    system.prctl(_PR_SET_NAME, f"edge {name}".encode()[:15])

    def asked(_: int, __: object) -> None:
        life.ending = True

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C goes to all: the parent decides the order
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    try:
        work(life)
    except ConfigurationError as error:
        life.last_words(Said("configuration", error.what, error.mend))
        return error.exit_code
    except UnavailableError as error:
        life.last_words(Said("unavailable", error.what, error.mend))
        return error.exit_code
    except AnewError as error:
        life.last_words(Said("anew", str(error)))
        return ANEW
    except BaseException as error:
        log.exception("%s", name)
        life.last_words(Said("bug", f"{type(error).__name__}: {error}"))
        return 1
    return 0

"""python scripts/compile.py PROCESS FOLDER [TO]: compiles what a query goes through (`edge`), what an event goes through
(`worker`) or both (`all`) in a copy of this checkout, in place or into TO.

mypyc makes extension modules of the same sources that mypy checks; Python imports them before the sources beside them.
Cython makes one of each .pyx, which is there beside the sources: an edge does without where nothing is compiled.
What depends on libraries' classes in ways that mypyc does not take stays as it is. Needs a C compiler and the libraries of
locks/compile.txt; what it makes needs neither.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from setuptools import Extension

COMMON: Final = (
    *(f"models/features/{name}.py" for name in ("decay", "fields", "fold", "marks", "sessions", "shown", "vector")),
    *(f"models/segmentation/{name}.py" for name in ("assign", "rules")),
    "models/sessions.py",
    "models/contracts/context.py",
    "models/contracts/ids.py",
)
EDGE: Final = (
    *(f"models/decisions/{name}.py" for name in ("choice", "context_segments", "holdouts", "shelf")),
    *(f"api/edge/{name}.py" for name in ("answering", "asking", "connection", "context", "deciding", "drawn")),
    *(f"api/edge/{name}.py" for name in ("head", "limits", "live", "state", "warm", "wording")),
    *(f"api/edge/hot/{name}.py" for name in ("framing", "heads", "protocol", "turn")),
    *(f"api/edge/table/{name}.py" for name in ("attached", "view")),
    "api/edge/shared/arena.py",
    "api/edge/spool/frames.py",
    "api/edge/metrics/counting.py",
    "api/bodies.py",
)
WORKER: Final = (
    "models/outcomes.py",
    *(
        f"streams/worker/{name}.py"
        for name in ("chunk", "counter", "joining", "outcomes", "passing", "poison", "quality")
    ),
)


MODULES: Final = {"edge": COMMON + EDGE, "worker": COMMON + WORKER, "all": COMMON + EDGE + WORKER}
SHORT: Final = ("api/edge/hot/memory.pyx", "api/edge/hot/shortcut.pyx")
DIRECTIVES: Final = {"language_level": "3", "binding": False, "boundscheck": False, "wraparound": False}
"""Indices are counted, not given: places of words that are declared."""
NATIVE: Final = {"edge": SHORT, "worker": (), "all": SHORT}


def main(process: str, folder: Path, to: Path | None) -> None:
    """Builds the extension modules: beside their sources, or in the folders of their packages below `to`."""
    from mypyc.build import mypycify

    os.chdir(folder)
    build([*mypycify(list(MODULES[process]), opt_level="3", debug_level="0"), *natives(process)], to)


def natives(process: str) -> list[Extension]:
    """What Cython makes of the sources in its own language, below the present folder."""
    from Cython.Build import cythonize
    from setuptools import Extension

    sources = [
        Extension(path.removesuffix(".pyx").replace("/", "."), [path], extra_compile_args=["-O3", "-g0"])
        for path in NATIVE[process]
    ]
    made: list[Extension] = cythonize(sources, compiler_directives=DIRECTIVES, quiet=True)  # type: ignore[no-untyped-call]
    return made


def build(modules: list[Extension], to: Path | None) -> None:
    """As `main`, of these modules."""
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    command = build_ext(Distribution({"name": "compiled", "ext_modules": modules}))
    command.inplace = to is None
    command.build_lib = None if to is None else str(to)
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]).resolve() if len(sys.argv) > 3 else None)

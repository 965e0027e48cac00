"""The log lines of every process in one stream, each behind the name of its process."""

import sys
from typing import TextIO

_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)  # foreground colours of ECMA-48 that read on dark and light


class Log:
    """Writes ``name | line``. Colours only where a person looks."""

    def __init__(self, names: list[str], stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._width = max(map(len, names))
        self._colours = dict(zip(names, _COLOURS * len(names), strict=False)) if self._stream.isatty() else {}

    def line(self, name: str, text: str) -> None:
        head = f"{name:<{self._width}} |"
        if colour := self._colours.get(name):
            head = f"\x1b[{colour}m{head}\x1b[0m"
        self._stream.write(f"{head} {text}\n")
        self._stream.flush()

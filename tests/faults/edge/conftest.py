"""An edge on a socket of its own, and another's bytes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.wire_edge import WireEdge


@pytest.fixture
def make_edge(tmp_path: Path) -> Iterator[Callable[..., WireEdge]]:
    """Edges with other settings."""
    made: list[WireEdge] = []

    def make(*, files: int | None = None, **settings: object) -> WireEdge:
        folder = tmp_path / f"edge-{len(made)}"
        folder.mkdir()
        made.append(WireEdge(folder, files=files, **settings))
        return made[-1]

    yield make
    for edge in made:
        edge.__exit__()


@pytest.fixture
def edge(make_edge: Callable[..., WireEdge]) -> WireEdge:
    return make_edge()

"""Random bytes that are drawn a page at a time are the source's, each given out once."""

from random import Random

from api.edge.drawn import PAGE, Drawn


def test_every_byte_is_the_sources_and_none_comes_twice() -> None:
    asked: list[bytes] = []

    def source(count: int) -> bytes:
        asked.append(Random(len(asked)).randbytes(count))
        return asked[-1]

    drawn = Drawn(source)
    given = [drawn(16) for _ in range(3 * PAGE // 16)]
    assert b"".join(given) == b"".join(asked)
    assert [len(page) for page in asked] == [PAGE] * 3


def test_what_does_not_fit_the_page_is_of_the_next_one() -> None:
    drawn = Drawn()
    pieces = [drawn(count) for count in (PAGE - 5, 16, PAGE, 1)]
    assert [len(piece) for piece in pieces] == [PAGE - 5, 16, PAGE, 1]
    assert len(set(pieces)) == len(pieces)

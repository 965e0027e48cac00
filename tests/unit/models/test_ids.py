"""What is an id is said twice, as the contract's pattern and as code that is faster: they agree."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from models.contracts.ids import ID_PATTERN, MAX_ID, is_id


@given(
    st.text(max_size=MAX_ID + 2) | st.from_regex(ID_PATTERN) | st.from_regex(r"[A-Za-z0-9_.:-]{0,66}.?", fullmatch=True)
)
@example("a" * MAX_ID)
@example("a" * (MAX_ID + 1))
@example("a\n")
@example("\ud800")
@example("é")
def test_an_id_is_what_the_pattern_says(text: str) -> None:
    assert is_id(text) == (re.match(ID_PATTERN, text) is not None)

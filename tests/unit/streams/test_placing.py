"""The partition of many keys at once is that of each alone."""

from hypothesis import given
from hypothesis import strategies as st

from models.contracts.ids import partition_of
from streams.worker.placing import FEW, misplaced

keys = st.integers(1, 40).flatmap(lambda size: st.lists(st.binary(min_size=size, max_size=size), max_size=3 * FEW))


@given(st.lists(keys, max_size=3), st.sampled_from([1, 4, 16, 1024]), st.data())
def test_many_keys_are_placed_as_each_alone(groups: list[list[bytes]], partitions: int, data: st.DataObject) -> None:
    every = [key for group in groups for key in group]
    partition = data.draw(st.integers(0, partitions - 1))
    assert misplaced(every, partition, partitions) == {
        key for key in every if partition_of(key, partitions) != partition
    }

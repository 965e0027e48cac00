"""Old objects are looked through when memory grows, and not because there are many. In a process of its own: the thresholds
are the interpreter's."""

import subprocess
import sys

LOOK = """
import gc
from api.edge.garbage import GROWN, WHOLE, Garbage, resident

class Ring:
    def __init__(self):
        self.me, self.weight = self, bytes(10_000)

before = resident()
garbage = Garbage()
full = gc.get_stats()[2]["collections"]
kept = [[number] for number in range(300_000)]
garbage.look()
print(gc.get_stats()[2]["collections"] - full)
most = 0
for _ in range(40):
    old = [Ring() for _ in range(1_000)]
    gc.collect(1)  # nothing of them is young any more
    del old
    garbage.look()
    most = max(most, resident() - before)
print(gc.get_stats()[2]["collections"] - full, most < 3 * GROWN)
print(gc.get_freeze_count() >= len(kept))
alive = [Ring() for _ in range(12_000)]
garbage.look()
del alive
for _ in range(WHOLE):
    old = [Ring() for _ in range(10_000)]
    gc.collect(1)
    del old
    garbage.look()
print(resident() - before < 3 * GROWN)
"""


def test_cycles_are_found_and_what_is_alive_is_left_in_peace() -> None:
    said = subprocess.run([sys.executable, "-c", LOOK], check=True, capture_output=True, text=True).stdout.split()
    alive, later, bounded, left_out, found = said
    assert alive == "0"
    assert 2 <= int(later) <= 10  # 400 MB of rings
    assert bounded == "True"
    assert left_out == "True"  # and the next look goes past it
    assert found == "True"  # what was alive at a look and ended later

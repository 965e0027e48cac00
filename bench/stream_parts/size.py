"""What a worker's table of profiles takes in memory: real-shaped profiles, as many as were asked for."""

from __future__ import annotations

import statistics
import subprocess
import sys
from random import Random

import msgspec

from bench.stream_parts import shop
from bench.stream_parts.stage import ROOT, Stage, say
from models.contracts.ids import customer_key, new_id, partition_of
from models.contracts.profile import Profile, decode_profile, encode_profile
from models.features.fold import fold
from models.features.marks import mark
from models.segmentation.assign import Segmenter, reassign

PARTITIONS = 16


def profiles() -> list[Profile]:
    """Of every customer of the visits, after their last event, assigned after each."""
    segmenter = Segmenter(shop.model(), ())
    found: dict[bytes, Profile] = {}
    for offset, query in enumerate(shop.queries(7)):
        profile = fold(found.get(query.key), query)
        mark(profile, query, "events", offset)
        reassign(profile, segmenter, profile.last)
        found[query.key] = profile
    return list(found.values())


def resident() -> int:
    """Bytes of this process."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def fill(count: int) -> dict[str, float]:
    """Fills a table as the worker has it (encoded bytes by key, by partition) with `count` customers' profiles."""
    draw = Random(5)
    shapes = [encode_profile(profile) for profile in profiles()]
    rows: dict[int, dict[bytes, bytes]] = {partition: {} for partition in range(PARTITIONS)}
    before, sizes = resident(), []
    for number in range(count):
        profile = decode_profile(shapes[number % len(shapes)])
        profile.customer, profile.session = new_id(draw.randbytes), new_id(draw.randbytes)
        key, value = customer_key(profile.merchant, profile.customer), encode_profile(profile)
        rows[partition_of(key, PARTITIONS)][key] = value
        sizes.append(len(value))
    return {"memory": (resident() - before) / count, "encoded": statistics.fmean(sizes)}


def measure(stage: Stage) -> dict[str, object]:
    """In a process of its own, whose memory is nothing but that."""
    count = 200_000 if stage.quick else 1_000_000
    done = subprocess.run(
        [sys.executable, "-m", "bench.stream_parts.size", str(count)], cwd=ROOT, capture_output=True, check=True
    )
    found = msgspec.json.decode(done.stdout, type=dict[str, float])
    say(f"{count:,} profiles: {found['memory']:.0f} bytes each in memory, {found['encoded']:.0f} encoded")
    return {"bytes_per_profile": round(found["memory"]), "encoded_bytes_per_profile": round(found["encoded"])}


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(fill(int(sys.argv[1]))).decode())

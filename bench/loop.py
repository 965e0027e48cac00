"""scripts/bench loop [--quick]: the whole loop on this machine, under load, with nothing left out.

Broker, edge, worker, trainer and console of `tailorbird up`, real visits at 200 queries/s through the edge, and beside
them probes (bench/probe.py) through a second edge whose overlay is off. The last line is one JSON object:

    freshness_ms_p50, freshness_ms_p99   sending a query -> the first answer that shows what it changed, by the stream
    edge_ms_p50, edge_ms_p99             one query of the load, sent to answered, as the client sees it
    queries_per_s                        what the load really reached
    lost                                 recorded answers that are not folded into their customer's profile, counted
                                         from the topics (demo/ledger.py); 0 or the run fails
"""

import asyncio
import itertools
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
import click

from bench.probe import MERCHANT as PROBED
from bench.probe import Probe, prepare
from demo import eshop, merchandise
from demo.books import Books
from demo.console import ConsoleApi
from demo.figures import percentile
from demo.ledger import Account
from demo.merchandise import MERCHANT
from demo.replay import Answer, Replay, Target, as_answered, at_rate
from demo.system import System
from demo.visit import Visit, moved
from streams.brokers import free_port
from tests.support.ports import free_base
from tests.support.process import Process

ORIGIN = "http://127.0.0.1:1"  # pictures are named, never fetched, here
SEED = 2008
SETTLE_S = 30.0


class Scale(NamedTuple):
    """`sessions` fill the system before; the load lasts `seconds`."""

    sessions: int
    seconds: float
    rate: float = 200.0
    probe_every_s: float = 0.2


FULL, QUICK = Scale(5_000, 120.0), Scale(1_000, 30.0)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def second_edge(system: System, data: Path) -> Iterator[str]:
    """Answers from the replica alone: no answer of it knows more than the stream brought."""
    port = free_port()
    settings = {
        "brokers": system.addresses["broker"],
        "edge_id": "edge-probe",
        "edge_port": port,
        "data_dir": data / "edge-probe",
        "overlay": False,
        "network_rate": 0,
    }
    with Process("edge", settings, data / "edge-probe.log", f"http://127.0.0.1:{port}") as edge:
        yield edge.health


def open_shop(console: ConsoleApi) -> None:
    """The demonstration's shop: two placements, banners for everybody, one for each category's admirers pinned."""
    console.await_key()
    console.merchant_settings(merchandise.settings(ORIGIN))
    drafts = [*merchandise.placements(), *merchandise.contents(ORIGIN, "sha384-" + "A" * 64)]
    for kind, item, value in drafts:
        console.put(kind, item, value)
    console.approve(merchandise.SIZES)
    for kind, item, value in merchandise.for_everybody():
        console.put(kind, item, value)
    console.publish()


def replay(edge: str, answers: list[Answer], key: str | None = None) -> Replay:
    return Replay(Target(edge, MERCHANT, key), run_id="b" + secrets.token_hex(6), heard=answers.append)


async def under_load(edge: str, probe: Probe, visits: Iterable[Visit], rate: float, answers: list[Answer]) -> float:
    """Runs the load with the probes beside it and answers the queries/s that it reached."""
    ended = asyncio.Event()
    async with aiohttp.ClientSession() as client, asyncio.TaskGroup() as group:
        group.create_task(probe.follow(client, ended))
        tally = await replay(edge, answers).run(visits, at_rate(rate))
        ended.set()
    return tally.answers / tally.seconds


def newcomers(before: list[Visit], sessions: int, count: int) -> Iterator[Visit]:
    """The next `count` page views of the shop, by nobody who was there: four a session are fewer than the mean."""
    seen = {visit.customer for visit in before}
    more = eshop.visits(SEED, sessions=sessions + count // 4)
    return itertools.islice((visit for visit in more if visit.customer not in seen), count)


def settled(broker: str, merchant: str, recorded: list[tuple[str, str]]) -> Account:
    """What the topics say of every recorded answer."""
    with Books(broker, merchant) as books:
        return books.settle(recorded, SETTLE_S)


def measure(scale: Scale, engine: str, data: Path) -> dict[str, float]:
    """One run; the figures of the module's docstring and what they rest on."""
    started = time.monotonic()
    with System(data, free_base(), {}, engine) as system, second_edge(system, data) as plain:
        edge, broker = str(system.addresses["edge"]), str(system.addresses["broker"])
        owner, where = system.key("owner"), str(system.addresses["console"])
        open_shop(ConsoleApi(where, owner, MERCHANT))
        prepare(ConsoleApi(where, owner, PROBED), ORIGIN)
        say(f"everything is up after {time.monotonic() - started:.1f} s")

        visits = list(eshop.visits(SEED, sessions=scale.sessions))
        filled: list[Answer] = []
        recent = moved(visits, time.time_ns() // 1_000_000 - visits[-1].at)
        tally = asyncio.run(replay(edge, filled, system.key("server", MERCHANT)).run(recent, as_answered))
        say(f"{tally.answers} visits walked in, {tally.rate:.0f} queries/s")
        before = settled(broker, MERCHANT, [(answer.id, answer.customer) for answer in filled if answer.recorded])
        say(f"folded: {before}")
        system.chore("trainer", "--once", "--merchant", MERCHANT)

        count = int(scale.rate * scale.seconds)
        load = newcomers(visits, scale.sessions, count)
        loaded: list[Answer] = []
        probe = Probe(plain, "p" + secrets.token_hex(6), scale.probe_every_s)
        rate = asyncio.run(under_load(edge, probe, load, scale.rate, loaded))

        answered = [(answer.id, answer.customer) for answer in (*filled, *loaded) if answer.recorded]
        shop, probed = settled(broker, MERCHANT, answered), settled(broker, PROBED, probe.recorded)
        say(f"shop: {shop}; probes: {probed}; {len(probe.seconds)} probes, {probe.never} saw no change")
    fresh = [seconds * 1_000 for seconds in probe.seconds]
    took = [answer.milliseconds for answer in loaded]
    return {
        "freshness_ms_p50": round(percentile(fresh, 0.5), 1),
        "freshness_ms_p99": round(percentile(fresh, 0.99), 1),
        "edge_ms_p50": round(percentile(took, 0.5), 2),
        "edge_ms_p99": round(percentile(took, 0.99), 2),
        "queries_per_s": round(rate, 1),
        "lost": shop.lost + probed.lost + probe.never,
        "twice": shop.twice + probed.twice,
        "recorded": shop.recorded + probed.recorded,
        "probes": len(fresh),
    }


@click.command()
@click.option("--quick", is_flag=True, help="Thirty seconds of load instead of two minutes.")
@click.option("--engine", type=click.Choice(["kafka", "tansu"]), default="kafka", show_default=True)
def main(quick: bool, engine: str) -> None:
    """Measure the loop; exit code 1 when anything was lost."""
    with tempfile.TemporaryDirectory(prefix="tailorbird-bench-") as data:
        figures = measure(QUICK if quick else FULL, engine, Path(data))
    print(json.dumps({"engine": engine, **figures}))
    if figures["lost"] or figures["twice"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

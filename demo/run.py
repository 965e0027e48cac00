"""`tailorbird demo`: the whole system on this machine, real visitors replayed, segments found, a page to open."""

import itertools
import secrets
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rich.console import Console

from demo import eshop, merchandise
from demo.books import Books
from demo.console import ConsoleApi
from demo.figures import buckets, gained, histogram_percentile, percentile
from demo.ledger import Account
from demo.merchandise import MERCHANT, Fit
from demo.progress import run_with_progress
from demo.replay import Answer, Pace, Replay, Tally, Target, as_answered, at_rate
from demo.report import CheckFailedError, Report, Scale, check, in_words
from demo.shop.server import PLAYED_PAGES, STATIC, integrity, make_app
from demo.shop.serving import Serving
from demo.system import System
from demo.visit import Visit, moved

FRESHNESS = "tailorbird_freshness_seconds"
# A worker on a busy machine may need some seconds to fold the last chunk.
SETTLE_S = 20.0
SEGMENTS_S = 40.0
PUBLISHED_S = 5.0
SHOP_S = 10.0
# What lies furthest from everybody comes first; two say enough.
TOLD = 2


def run(
    data: Path,
    port_base: int,
    scale: Scale,
    words: Console,
    *,
    started: float,
    once: bool,
    report: Callable[[Report], None] | None,
) -> None:
    """Runs the demonstration from start to end; `started` is the monotonic time that `ready_s` counts from."""
    words.print("[bold]Tailorbird[/] starts: broker, edge, worker, trainer, console ...")
    # The trainer trains by itself once the whole fill is there: on the first few hundred it would say less.
    # Told to end in the middle, what was started is stopped in order; also where a shell began it in the background, and so
    # with a Ctrl-C that is ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    catalogue = eshop.products()
    with (
        Serving(port_base) as shop,
        System(data, port_base, {"train_min_customers": scale.sessions}) as system,
    ):
        edge = str(system.addresses["edge"])
        shop.serve(make_app(edge, MERCHANT, catalogue))
        show = _Show(system, edge, shop.address, catalogue, scale, words, started)
        line = show.play()
        if report is not None:
            report(line)
        show.check(line)
        if not once:
            show.leave_open()


class _Show:
    """The acts of one run, in the order of `play`."""

    def __init__(
        self,
        system: System,
        edge: str,
        shop: str,
        catalogue: Mapping[str, eshop.Product],
        scale: Scale,
        words: Console,
        started: float,
    ) -> None:
        self._system, self._edge, self._shop = system, edge, shop
        self._catalogue = catalogue
        self._scale, self._words, self._started = scale, words, started
        self._console = ConsoleApi(str(system.addresses["console"]), system.key("owner"), MERCHANT)
        self._answers: list[Answer] = []
        self._sent = 0
        self._heroes: dict[str, str | None] = {}
        self._fits: list[Fit] = []
        self._twice = 0

    def play(self) -> Report:
        """Everything up to the figures."""
        # A key takes a moment to reach the edge, so it is made first.
        key = self._system.key("server", MERCHANT)
        self._open_shop()
        with Books(str(self._system.addresses["broker"]), MERCHANT) as books:
            visits = list(eshop.visits(self._scale.seed, sessions=self._scale.sessions))
            # The shop's calendar is moved so that its last visit is now: 2008 would have decayed long ago.
            recent = moved(visits, time.time_ns() // 1_000_000 - visits[-1].at)
            filled = self._replay(recent, len(visits), as_answered, "Visitors of 2008 walk in", key)
            self._say_replayed(filled, len({visit.customer for visit in visits}))
            self._settle(books)
            self._fits = self._segments()
            self._say_segments(books)
            self._publish(merchandise.for_segments(self._fits))
            self._visit_as_each()
            ready = time.monotonic() - self._started
            self._say_ready(ready)

            before, heard = self._scrape(), len(self._answers)
            count = int(self._scale.rate * self._scale.paced_s)
            self._replay(self._later(visits, count), count, at_rate(self._scale.rate), "More come by, paced")
            took = [answer.milliseconds for answer in self._answers[heard:]]
            account = self._settle(books)
            fresh = gained(before, self._scrape())
            self._refit()
            return self._report(books, account, took, fresh, ready)

    def check(self, line: Report) -> None:
        """Raises CheckFailedError with the first promise that the figures break."""
        check(line, self._scale, self._twice, self._heroes)

    def leave_open(self) -> None:
        """Waits for Ctrl-C."""
        asked = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: asked.set())
        self._tell("Everything runs on. Ctrl-C ends it.")
        asked.wait()
        self._tell("Closing: what is under way is finished first ...")

    def _tell(self, what: str) -> None:
        self._words.print(what, soft_wrap=True)

    def _open_shop(self) -> None:
        self._console.await_key()
        self._console.merchant_settings(merchandise.settings(self._shop))
        self._write(merchandise.placements())
        self._write(merchandise.contents(self._shop, integrity(STATIC / "sizes.js")))
        self._console.approve(merchandise.SIZES)
        self._publish(merchandise.for_everybody())
        end = time.monotonic() + SHOP_S
        while not self._edge_knows() and time.monotonic() < end:
            time.sleep(0.05)
        self._tell(f"The shop is open at [bold]{self._shop}[/], with {len(merchandise.THEMES) * 2} banners.")

    def _edge_knows(self) -> bool:
        """Whether what was written has reached the edge."""
        try:
            with urllib.request.urlopen(f"{self._edge}/v1/embed/{MERCHANT}", timeout=10) as answer:  # noqa: S310 - our own
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return False

    def _publish(self, associations: list[merchandise.Draft]) -> None:
        self._write(associations)
        version = self._console.publish()
        self._tell(f"  published {len(associations)} associations (version {version})")

    def _write(self, drafts: list[merchandise.Draft]) -> None:
        for kind, item, value in drafts:
            self._console.put(kind, item, value)

    def _replay(self, visits: Iterable[Visit], total: int, pace: Pace, what: str, key: str | None = None) -> Tally:
        replay = Replay(
            Target(self._edge, MERCHANT, key), run_id="d" + secrets.token_hex(6), heard=self._answers.append
        )
        tally = run_with_progress(replay, visits, pace, total, self._words, what)
        self._sent += tally.answers
        return tally

    def _later(self, before: list[Visit], count: int) -> Iterable[Visit]:
        """The next visitors of the shop, nobody of those who were there: five pages a session are fewer than the mean."""
        seen = {visit.customer for visit in before}
        more = eshop.visits(self._scale.seed, sessions=self._scale.sessions + count // 5)
        return itertools.islice((visit for visit in more if visit.customer not in seen), count)

    def _settle(self, books: Books) -> Account:
        asked = [(answer.id, answer.customer) for answer in self._answers if answer.recorded]
        account = books.settle(asked, SETTLE_S)
        self._twice = account.twice
        return account

    def _refit(self) -> None:
        self._tell("The trainer looks again, now that more have come ...")
        known = len(self._console.models())
        self._system.chore("trainer", "--once", "--merchant", MERCHANT)
        end = time.monotonic() + SEGMENTS_S
        while len(self._console.models()) == known and time.monotonic() < end:
            time.sleep(0.2)

    def _segments(self) -> list[Fit]:
        self._tell("The trainer looks for kinds of visitors ...")
        end = time.monotonic() + SEGMENTS_S
        while not (found := merchandise.fits(self._console.segments())):
            if time.monotonic() > end:
                raise CheckFailedError("the console shows no learned segment")
            time.sleep(0.2)
        return found

    def _visit_as_each(self) -> None:
        """Plays a new visitor for each category that a segment looks at, as the shop's links do in a browser."""
        for category in {fit.category for fit in self._fits if fit.category}:
            models = [p.model for p in self._catalogue.values() if p.category == category][:PLAYED_PAGES]
            who = f"played-{category}"
            pages = [
                {"page": f"/product/{m}", "page_type": "product", "category": category, "product": m} for m in models
            ]
            visits = [
                Visit(at=0, customer=who, session=f"{who}-1", placements=eshop.PLACEMENTS, context=context)
                for context in [*pages, {"page": "/", "page_type": "home"}]
            ]
            what = f"As a visitor who looks at {category}"
            self._replay(visits, len(visits), as_answered, what)
            # What was published a moment ago is on its way to the edge.
            wanted, end = merchandise.content_id("hero", category), time.monotonic() + PUBLISHED_S
            while self._answers[-1].contents["hero"] != wanted and time.monotonic() < end:
                time.sleep(0.2)
                self._replay(visits[-1:], 1, as_answered, what)
            self._heroes[category] = self._answers[-1].contents["hero"]

    def _scrape(self) -> dict[float, float]:
        with urllib.request.urlopen(f"{self._edge}/metrics", timeout=10) as answer:  # noqa: S310 - our own edge
            return buckets(answer.read().decode(), FRESHNESS)

    def _report(
        self, books: Books, account: Account, took: list[float], fresh: dict[float, float], ready: float
    ) -> Report:
        shown = {content for answer in self._answers for content in answer.contents.values() if content}
        model = max(self._console.models(), key=lambda one: one["version"])
        line = Report(
            events_sent=self._sent,
            events_folded=account.folded,
            customers=len(books.folded),
            segments=len(self._fits),
            assignments=sum(segment is not None for segment in books.segment.values()),
            relabelled_share=model["gates"]["relabelled"],
            decisions_by_reason=dict(sorted(books.reasons.items())),
            distinct_contents_shown=len(shown),
            freshness_ms_p50=round(histogram_percentile(fresh, 0.5) * 1_000, 1),
            freshness_ms_p99=round(histogram_percentile(fresh, 0.99) * 1_000, 1),
            edge_ms_p50=round(percentile(took, 0.5), 2),
            edge_ms_p99=round(percentile(took, 0.99), 2),
            lost=account.lost,
            ready_s=round(ready, 1),
        )
        self._tell(in_words(line, self._scale))
        return line

    def _say_replayed(self, tally: Tally, visitors: int) -> None:
        self._tell(
            f"{visitors:,} visitors opened {tally.answers:,} pages in {tally.seconds:.0f} s: "
            f"[bold]{tally.rate:,.0f} queries/s[/], each recorded."
        )

    def _say_segments(self, books: Books) -> None:
        self._tell(f"[bold]{len(self._fits)} kinds of visitors[/] among {len(books.folded):,}:")
        for fit in self._fits:
            told = "; ".join(fit.told[:TOLD])
            self._tell(f"  {fit.share:4.0%} {fit.size:6,}  [bold]{fit.name}[/]: {told}")

    def _say_ready(self, seconds: float) -> None:
        links = "\n".join(
            f"  as a visitor who looks at {'sale items' if name == 'sale' else name}: {self._shop}/as/{name}"
            for name in ("trousers", "sale", "skirts", "blouses")
            if name in self._heroes
        )
        self._tell(f"[bold green]Open {self._shop}[/] (ready after {seconds:.0f} s)\n{links}")
        self._tell(f"  the merchant's console: {self._system.addresses.get('setup') or self._console.address}")

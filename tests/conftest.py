"""What the tests share: a broker, the system on it, a shop, visitors in real browsers. A missing one fails, never skips."""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.browsers import LAUNCH, ORDINARY_VISITOR, Engine, browser_scope

if TYPE_CHECKING:  # the unit tests need neither a broker nor a browser, and pay for no import of them
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

    from streams.brokers import Tansu
    from tests.support.console import ConsoleClient
    from tests.support.edge import EdgeClient
    from tests.support.shop import Shop
    from tests.support.system import System

# A machine that is shared pauses a test for longer than Hypothesis's 200 ms: deadlines would fail on its weather.
WEATHER = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", WEATHER, max_examples=25)
settings.register_profile("long", WEATHER, max_examples=2_000)
settings.load_profile("quick")  # pytest --hypothesis-profile=long for the larger number

SEED = int(os.environ.get("TEST_SEED") or random.SystemRandom().randrange(2**32))


def pytest_configure() -> None:
    """A test's broker lives for seconds or minutes: what Java's second compiler costs it never earns. A start and ten
    seconds take 4.7 seconds of a processor without it and 7.4 with it."""
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Full lengths run when they are asked for: ``-m long``."""
    if "long" not in config.option.markexpr:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("long")])
        items[:] = [item for item in items if not item.get_closest_marker("long")]


def pytest_report_header() -> str:
    return f"seed: {SEED} (again with TEST_SEED={SEED})"


@pytest.fixture
def seeded(request: pytest.FixtureRequest) -> random.Random:
    """A source of randomness of this test's own: the printed seed and the test's name give the same draws again."""
    return random.Random(f"{SEED}/{request.node.nodeid}")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a real Apache Kafka."""
    from tests.support.brokers import apache_kafka

    with apache_kafka(tmp_path_factory.mktemp("kafka")) as address:
        yield address


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Tansu"]:
    """The embedded broker."""
    from streams.brokers import Tansu

    with Tansu(log=tmp_path_factory.mktemp("tansu") / "log") as broker:
        yield broker


@pytest.fixture(scope="session")
def system(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator["System"]:
    """The whole system on real Apache Kafka, shared by every test of the run: a test keeps to a merchant of its own."""
    from tests.support.system import running

    with running(kafka, tmp_path_factory.mktemp("system")) as whole:
        yield whole


@pytest.fixture
def merchant(request: pytest.FixtureRequest) -> str:
    """An id that no other test uses."""
    return (
        f"m_{request.node.name.removeprefix('test_')[:40].translate(_PLAIN)}_{random.SystemRandom().randrange(10**6)}"
    )


_PLAIN = str.maketrans({"[": "_", "]": "", "/": "_", " ": "_"})


@pytest.fixture
def shop() -> Iterator["Shop"]:
    """The merchant's own web server."""
    from tests.support.shop import Shop

    served = Shop()
    yield served
    served.close()


@pytest.fixture
def console(system: "System", merchant: str, shop: "Shop") -> Iterator["ConsoleClient"]:
    """The console's API; the merchant exists, lists the shop's origin and has the placement `hero`."""
    from tests.support.console import ConsoleClient

    client = ConsoleClient(system.console_url, system.owner_key, merchant)
    client.settle(shop.url)
    client.placement("hero")
    yield client
    client.close()


@pytest.fixture
def edge(system: "System", merchant: str, console: "ConsoleClient") -> Iterator["EdgeClient"]:
    """The edge as this test's merchant sees it."""
    from tests.support.edge import EdgeClient
    from tests.support.waiting import eventually

    client = EdgeClient(system.edge_url, merchant)
    eventually(lambda: client.http.get(f"/v1/embed/{merchant}").is_success, what="the edge knows the merchant")
    yield client
    client.close()


# Own fixtures instead of the plugin's: Debian's browsers, and nothing that lives so long that Playwright's event loop
# is under a test of another kind.
@pytest.fixture(scope=browser_scope)
def playwright() -> Iterator["Playwright"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope=browser_scope)
def browsers(playwright: "Playwright") -> Iterator[Callable[[Engine], "Browser"]]:
    """Each browser is launched when it is first asked for."""
    launched: dict[str, Browser] = {}

    def browser(engine: Engine) -> "Browser":
        if engine not in launched:
            launched[engine] = getattr(playwright, engine).launch(**LAUNCH[engine])
        return launched[engine]

    yield browser
    for each in launched.values():
        each.close()


@pytest.fixture
def visitors(browsers: Callable[[Engine], "Browser"]) -> Iterator[Callable[..., "BrowserContext"]]:
    """Makes visitors: each call is a browser profile of its own, with nothing saved. An uncaught error in a page fails."""
    errors: list[str] = []
    with ExitStack() as opened:

        def visitor(engine: Engine = "chromium", **options: Any) -> "BrowserContext":
            context = browsers(engine).new_context(**options)
            opened.callback(context.close)
            context.add_init_script(ORDINARY_VISITOR)
            context.on("weberror", lambda error: errors.append(str(error.error)))
            return context

        yield visitor
    assert not errors, errors


@pytest.fixture
def page(visitors: Callable[..., "BrowserContext"]) -> "Page":
    """One page of one new visitor in Chromium."""
    return visitors().new_page()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of this checkout."""
    return Path(__file__).parents[1]

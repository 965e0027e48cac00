"""M14: several edges, each serving a particular set of queries, behind a load balancer that routes queries to them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from prometheus_client.parser import text_string_to_metric_families

from streams.brokers import free_port
from supervisor.balancer import configuration, haproxy
from tests.support.browsers import Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient
from tests.support.http import plain
from tests.support.pages import ids, visit
from tests.support.shop import Shop, embed
from tests.support.system import System
from tests.support.tastes import TASTES, two_tastes
from tests.support.waiting import eventually

CUSTOMERS = 60
PAGES = 4


@contextmanager
def balanced(folder: Path, *edges: str) -> Iterator[str]:
    """HAProxy in front of these edges, with the configuration that the product itself uses."""
    address = f"127.0.0.1:{free_port()}"
    file = folder / "haproxy.cfg"
    file.write_text(configuration(address, [urlsplit(edge).netloc for edge in edges]))
    with subprocess.Popen([haproxy(), "-db", "-f", file]) as process:
        try:
            eventually(lambda: answers(f"http://{address}/readyz"), what="the balancer answers")
            yield f"http://{address}"
        finally:
            process.kill()


def answers(url: str) -> bool:
    try:
        return plain().get(url).is_success
    except httpx.TransportError:
        return False


def answered(edge: str) -> int:
    """Queries that this edge counts as answered."""
    families = text_string_to_metric_families(plain().get(f"{edge}/metrics").text)
    return sum(
        int(sample.value)
        for family in families
        for sample in family.samples
        if sample.name == "tailorbird_queries_total" and sample.labels["status"].startswith("2")
    )


def test_m14_edges_behind_a_balancer(
    system: System, console: ConsoleClient, edge: EdgeClient, shop: Shop, visitors: Visitors, tmp_path: Path
) -> None:
    two_tastes(console, shop, edge)
    with (
        system.another_edge() as one,
        system.another_edge() as two,
        balanced(tmp_path, one.health, two.health) as front,
    ):
        client = EdgeClient(front, edge.merchant)
        routed: set[str] = set()
        for number in range(CUSTOMERS):
            customer = f"c_{number}"
            client.query(customer)  # names no route yet: any edge
            for _ in range(PAGES):
                routed.add(client.visit(customer, TASTES[number % 2])["id"])
        client.close()

        counted = [answered(edge.health) for edge in (one, two)]
        assert sum(counted) == CUSTOMERS * (PAGES + 1), "what the edges count together"
        page = visitors().new_page()
        url = shop.page("/skirts", embed(front, edge.merchant, consent="granted", page="category", category="skirts"))
        for _ in range(PAGES):
            picture = visit(page, url)
        assert picture == "skirts"
        browser = str(ids(page)["customer"])

        asked = CUSTOMERS * (PAGES + 1) + PAGES
        queries = eventually(
            lambda: len(found := system.tap.queries(edge.merchant)) >= asked and found, what="every query is recorded"
        )

    served: dict[str, set[str]] = {}
    for query in queries:
        if query.id in routed and query.origin is not None:
            served.setdefault(query.origin.edge.split(".")[0], set()).add(str(query.customer))
    assert served.keys() == {one.settings["edge_id"], two.settings["edge_id"]}, "each edge serves a share"
    crowd = {f"c_{number}" for number in range(CUSTOMERS)}
    origins = [query.origin.edge.split(".")[0] for query in queries if query.origin and query.customer in crowd]
    by_edge = [origins.count(str(each.settings["edge_id"])) for each in (one, two)]
    assert by_edge == counted, "the counters of each edge are those of its own customers"
    first, second = served.values()
    assert first.isdisjoint(second), "and nobody is served by both"
    assert len(first | second) == CUSTOMERS
    assert min(len(first), len(second)) >= CUSTOMERS * 0.2, f"{len(first)} and {len(second)}"

    own = sorted((query for query in queries if query.customer == browser), key=lambda query: query.at)
    assert len({query.origin.edge for query in own[1:] if query.origin}) == 1, "the snippet sends its route"

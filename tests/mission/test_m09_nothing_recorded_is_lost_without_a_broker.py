"""M9: the broker stopped for twenty seconds: answers go on, pages show their content, and no recorded event is missing."""

from pathlib import Path

from streams.brokers import Kafka
from tests.support.browsers import Visitors
from tests.support.console import ConsoleClient
from tests.support.edge import EdgeClient, shown
from tests.support.pages import ids, visit
from tests.support.shop import Shop, embed
from tests.support.system import running
from tests.support.tastes import TASTES, two_tastes
from tests.support.waiting import all_the_while, eventually

OUTAGE_S = 20.0


def test_m09_nothing_recorded_is_lost_without_a_broker(
    tmp_path: Path, merchant: str, shop: Shop, visitors: Visitors
) -> None:
    """On a broker of its own: nobody else's may be stopped."""
    with Kafka(tmp_path / "kafka") as broker, running(broker.address, tmp_path / "system") as system:
        console = ConsoleClient(system.console_url, system.owner_key, merchant)
        console.settle(shop.url)
        console.placement()
        edge = EdgeClient(system.edge_url, merchant)
        eventually(lambda: edge.http.get(f"/v1/embed/{merchant}").is_success, what="the edge knows the merchant")
        two_tastes(console, shop, edge)
        url = shop.page("/", embed(system.edge_url, merchant, consent="granted"))
        page = visitors().new_page()
        recorded: dict[str, str] = {}
        number = 0

        def ask() -> None:
            nonlocal number
            number += 1
            customer = f"c_{number % 50}"
            answer = edge.visit(customer, TASTES[number % 2])
            assert answer["recorded"] is True
            assert shown(answer) is not None
            recorded[answer["id"]] = customer

        for _ in range(100):
            ask()
        broker.kill()
        asked = all_the_while(ask, OUTAGE_S)
        assert asked > 100
        assert visit(page, url) == "welcome", "a page shows its content without a broker"
        broker.start()
        for _ in range(100):
            ask()
        customer = ids(page)["customer"]

        def nothing_missing() -> bool:
            others = [event for event in system.tap.events(merchant) if event.customer not in {customer, None}]
            landed = {event.id: event.customer for event in others}
            assert recorded.items() <= landed.items(), f"missing {len(recorded.keys() - landed.keys())}"
            assert landed.keys() <= recorded.keys(), f"invented {len(landed.keys() - recorded.keys())}"
            profiles = system.tap.profiles(merchant)
            counted = {who: round(profiles[who].counters["queries"].total) for who in profiles if who != customer}
            wanted = {who: list(recorded.values()).count(who) for who in set(recorded.values())}
            assert counted == wanted, {
                who: (counted.get(who), wanted[who]) for who in wanted if counted.get(who) != wanted[who]
            }
            return bool(system.tap.queries(merchant, customer))

        eventually(nothing_missing, 60, "every recorded event is on the topic and folded once")
        console.close()
        edge.close()

"""What the tests themselves stand on: a broker that is Apache Kafka, browsers that look like visitors."""

from collections.abc import Callable

import pytest
from kafka import KafkaAdminClient
from playwright.sync_api import BrowserContext

from models.contracts.ids import customer_key, partition_of
from models.contracts.profile import Assignment, Membership, encode_assignment
from models.contracts.settings import Settings
from models.contracts.topics import ASSIGNMENTS
from streams import admin
from tests.support.http import plain
from tests.support.shop import HERO, Shop
from tests.support.tap import Tap
from tests.support.waiting import all_the_while, eventually


def test_the_broker_answers(kafka: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    assert isinstance(admin.list_topics(), list)
    admin.close()


def test_a_tap_reads_what_was_written(kafka: str) -> None:
    settings = Settings(brokers=kafka, topic_prefix="tap-", partitions=4)
    admin.apply(settings)
    tap = Tap(kafka, "tap-")
    for number in range(8):
        written = Assignment(merchant="m", customer=f"c_{number}", membership=Membership(learned="l_1"), at=number)
        tap.write(ASSIGNMENTS, customer_key("m", f"c_{number}"), encode_assignment(written))
    eventually(lambda: tap.assignment("m", "c_7") == written, what="the record is there")
    tap.write(ASSIGNMENTS, customer_key("m", "c_7"), None)
    eventually(lambda: tap.assignment("m", "c_7") is None, what="it is gone")
    where = {record.key(): record.partition() for record in tap.records(ASSIGNMENTS)}
    assert all(partition_of(key, 4) == partition for key, partition in where.items() if key)
    tap.close()


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_a_browser_looks_like_a_visitor(visitors: Callable[..., BrowserContext], shop: Shop, engine: str) -> None:
    page = visitors(engine).new_page()
    page.goto(shop.page("/", "", HERO))
    assert page.evaluate("navigator.webdriver") is False
    assert page.evaluate("document.querySelector('img').naturalWidth") == 600


def test_a_shop_serves_pictures(shop: Shop) -> None:
    assert plain().get(shop.picture("summer")).content != plain().get(shop.picture("winter")).content


def test_eventually_names_what_it_waited_for() -> None:
    with pytest.raises(AssertionError, match="not within 0 s: the moon; last: 0"):
        eventually(lambda: 0, 0, "the moon")


def test_eventually_answers_the_first_true_value() -> None:
    values = iter([0, 0, 3])
    assert eventually(lambda: next(values), 5) == 3


def test_all_the_while_repeats() -> None:
    assert all_the_while(lambda: None, 0.2) >= 2

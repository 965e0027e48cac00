"""The check for things written twice finds each kind, and lets words be words."""

import pytest

from scripts.checks.duplicates import in_python, in_text


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('producer.send("events", key=key)', "topic 'events'"),
        ('consumer.subscribe(["content-tables"])', "topic 'content-tables'"),
        ('read(topic="profiles")', "topic 'profiles'"),
        ('os.environ["TAILORBIRD_BROKERS"]', "variable TAILORBIRD_BROKERS"),
        ('hint = "set TAILORBIRD_BROKER first"', "variable TAILORBIRD_BROKER "),
        ("port = 8701", "port 8701"),
        ('url = "http://127.0.0.1:8702/"', "port 8702"),
    ],
)
def test_found(text: str, what: str) -> None:
    ((_, found),) = in_python(text)
    assert what in found


@pytest.mark.parametrize(
    "text",
    [
        'body["events"]',
        'def f() -> None:\n    """Listens on 127.0.0.1:8701, see TAILORBIRD_NOTHING."""',
        'hint = "set TAILORBIRD_BROKERS first"',
        "size = 18701",
    ],
)
def test_let_be(text: str) -> None:
    assert list(in_python(text)) == []


def test_documentation_names_only_what_exists() -> None:
    assert list(in_text("`TAILORBIRD_BROKERS` and `TAILORBIRD_BROKEN`")) == [
        (1, "variable TAILORBIRD_BROKEN is no declared setting")
    ]

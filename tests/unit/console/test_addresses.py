"""Which addresses a content may have, and which origins a shop."""

import pytest

from api.console.addresses import content_address, origin
from models.contracts.errors import RequestError


@pytest.mark.parametrize(
    "good",
    [
        "https://shop.example/a.png",
        "https://cdn.shop.example:8443/a%20b.png?x=1#y",
        "http://127.0.0.1:8700/a.svg",
        "http://localhost/a.svg",
        "http://[::1]:80/a.svg",
        "HTTPS://shop.example/",
    ],
)
def test_content_address(good: str) -> None:
    assert content_address(good, "src") == good


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "/a.png",
        "//shop.example/a.png",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>",
        "blob:https://shop.example/1",
        "file:///etc/passwd",
        "http://shop.example/a.png",
        "http://127.0.0.1.evil.example/a.png",
        "http://localhost.evil.example/a.png",
        "http://169.254.169.254/latest",
        "http://2130706433/",
        "https://good.example@evil.example/",
        "https://evil.example\\@good.example/",
        "https:///a.png",
        "https://shop.example:99999/",
        "https://shop example/",
        "https://shop.example/\x00",
        "https://" + "a" * 2048,
    ],
)
def test_no_content_address(bad: str) -> None:
    with pytest.raises(RequestError) as refused:
        content_address(bad, "href")
    assert (refused.value.status, refused.value.field) == (422, "href")


@pytest.mark.parametrize("good", ["https://shop.example", "http://127.0.0.1:8700", "https://xn--bcher-kva.example:444"])
def test_origin(good: str) -> None:
    assert origin(good, "origins") == good


@pytest.mark.parametrize(
    "bad",
    [
        "null",
        "*",
        "https://*.shop.example",
        "https://Shop.example",
        "https://shop.example/",
        "https://shop.example:443",
        "https://shop.example.",
        "shop.example",
        "ftp://shop.example",
        "https://user@shop.example",
        "https://bücher.example",
    ],
)
def test_no_origin(bad: str) -> None:
    with pytest.raises(RequestError):
        origin(bad, "origins[0]")

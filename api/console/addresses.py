"""Which addresses a page may load content from or link to, and which origins a shop may have."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from api.console.refusals import unsuitable

LONGEST = 2048
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.?)*|\[[0-9A-Fa-f:.]+\])\Z")
_DEFAULT_PORT = {"http": 80, "https": 443}


def content_address(text: str, field: str) -> str:
    """`text` where it is an absolute https address (http on the loopback), without a user name.

    The snippet refuses the same addresses, so a refusal here is one that the merchant sees before a visitor would.

    Raises:
        RequestError: 422 that names `field`.
    """
    if len(text) > LONGEST:
        raise unsuitable(field, f"An address has at most {LONGEST} characters.")
    if not text or _UNPRINTABLE.search(text):
        raise unsuitable(field, "An address has no spaces, backslashes or control characters.")
    only = unsuitable(field, "An address begins with https:// (http:// only on the loopback).")
    if not text.lower().startswith(("https://", "http://")):
        raise only
    scheme, host, _ = _parts(text, field)
    if scheme != "https" and not _loopback(host):
        raise only
    return text


def origin(text: str, field: str) -> str:
    """`text` where it is an origin exactly as browsers send it: scheme, lower-case host, port unless it is the default.

    Raises:
        RequestError: 422 that names `field`.
    """
    wrong = unsuitable(field, "An origin is written as browsers send it: https://shop.example, without a path.")
    if len(text) > LONGEST or not text.isascii() or _UNPRINTABLE.search(text):
        raise wrong
    scheme, host, port = _parts(text, field)
    if scheme not in _DEFAULT_PORT or port == _DEFAULT_PORT[scheme] or host.endswith("."):
        raise wrong
    if text != f"{scheme}://{host.lower()}" + (f":{port}" if port else ""):
        raise wrong
    return text


def _parts(text: str, field: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise unsuitable(field, "This is not an address.") from error
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    if not _HOST.match(host):  # a user name is no host: it could imitate one
        raise unsuitable(field, "An address is absolute and names a host, without a user name.")
    return parts.scheme, host, port


def _loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False

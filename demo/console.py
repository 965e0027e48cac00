"""The console's JSON API, as a merchant's own script would call it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo.errors import DemoError

KEY_S = 10.0


class ConsoleRefusedError(DemoError):
    """The console said no; the message is its own sentence."""

    def __init__(self, call: str, status: int, said: str) -> None:
        super().__init__(f"{call}: {status} {said}")
        self.status = status


@dataclass(frozen=True, slots=True)
class ConsoleApi:
    """`merchant`'s part of the console at `address` (an origin), opened by `key`."""

    address: str
    key: str
    merchant: str

    def await_key(self, within: float = KEY_S) -> None:
        """Waits until the console has heard of the key, which the command line puts on a topic; at most `within` s."""
        end = time.monotonic() + within
        while not self._knows_key() and time.monotonic() < end:
            time.sleep(0.1)

    def _knows_key(self) -> bool:
        try:
            self._ask("GET", "")
        except ConsoleRefusedError as refused:
            return refused.status not in (401, 403)
        return True

    def merchant_settings(self, settings: Mapping[str, Any]) -> None:
        """Creates the merchant or changes its settings: live when answered."""
        self._put("", settings)

    def put(self, kind: str, item: str, value: Mapping[str, Any]) -> None:
        """Writes one draft: a placement, content, association or segment."""
        self._put(f"/{kind}/{item}", value)

    def approve(self, content: str) -> None:
        """Lets a script content run."""
        self._ask("POST", f"/contents/{content}/approve", {})

    def publish(self) -> int:
        """Puts all drafts live and answers the table version."""
        return int(self._ask("POST", "/publish", {})[0]["table_version"])

    def segments(self) -> list[dict[str, Any]]:
        """Learned and defined segments with size, share and what tells them apart."""
        return list(self._ask("GET", "/segments")[0]["segments"])

    def models(self) -> list[dict[str, Any]]:
        """Model versions with their gates."""
        return list(self._ask("GET", "/models")[0]["models"])

    def _put(self, path: str, value: Mapping[str, Any]) -> None:
        etag = None
        try:
            etag = self._ask("GET", path)[1]
        except ConsoleRefusedError as refused:
            if refused.status != 404:
                raise
        self._ask("PUT", path, value, {"If-Match": etag} if etag else {})

    def _ask(
        self, method: str, path: str, value: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[Any, str | None]:
        request = urllib.request.Request(  # noqa: S310 - the address is the console's, never a visitor's
            f"{self.address.rstrip('/')}/api/v1/merchants/{self.merchant}{path}",
            method=method,
            data=None if value is None else json.dumps(value).encode(),
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                text = answer.read()
                return (json.loads(text) if text else None), answer.headers.get("ETag")
        except urllib.error.HTTPError as refused:
            call = f"the console refused {method} {path or 'the merchant'}"
            raise ConsoleRefusedError(call, refused.code, _detail(refused.read())) from refused


def _detail(problem: bytes) -> str:
    try:
        said = json.loads(problem)
        return str(said.get("detail") or said.get("title"))
    except (ValueError, AttributeError):
        return problem[:200].decode(errors="replace")

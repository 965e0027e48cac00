"""A client of the console's JSON API, for one merchant."""

from collections.abc import Mapping
from typing import Any

import httpx

from tests.support.waiting import eventually

Json = dict[str, Any]
#: No holdouts and live choice, so that what a test expects is what every customer gets.
CERTAIN: Json = {"consent_default": "granted", "freshness": "live", "holdouts": {"uniform": 0.0, "best": 0.0}}


class ConsoleClient:
    """The part of the console that belongs to `merchant`, opened by an owner's key."""

    def __init__(self, url: str, key: str, merchant: str) -> None:
        self.merchant = merchant
        self.http = httpx.Client(
            base_url=f"{url}/api/v1/merchants/{merchant}", timeout=20, headers={"Authorization": f"Bearer {key}"}
        )

    def settle(self, *origins: str, **settings: Any) -> None:
        """Creates the merchant, once the console has read of a key that was only just made."""
        eventually(lambda: self.http.get("").status_code != httpx.codes.UNAUTHORIZED, what="the console knows the key")
        self.put("", {"name": self.merchant, "origins": list(origins) or ["http://127.0.0.1"]} | CERTAIN | settings)

    def placement(self, placement: str = "hero", *kinds: str) -> None:
        self.put(
            f"placements/{placement}", {"name": placement, "kinds": kinds or ["image"], "width": 600, "height": 200}
        )

    def image(self, content: str, src: str, **rest: Any) -> None:
        self.put(
            f"contents/{content}", {"kind": "image", "src": src, "alt": content, "width": 600, "height": 200} | rest
        )

    def script(self, content: str, src: str, integrity: str) -> None:
        """A script content, approved by its owner."""
        self.put(f"contents/{content}", {"kind": "script", "src": src, "integrity": integrity})
        self.post(f"contents/{content}/approve")

    def segment(self, segment: str, field: str, op: str, value: Any) -> None:
        """A defined segment with one condition."""
        self.put(
            f"segments/{segment}", {"name": segment, "rule": {"all": [{"field": field, "op": op, "value": value}]}}
        )

    def associate(self, content: str, *segments: str, placement: str = "hero", **rest: Any) -> str:
        """Says that `content` may be shown to `segments` (everybody when none is named); answers the association's id."""
        association = f"a_{placement}_{content}"
        body = {"placement": placement, "content": content, "segments": segments or ["*"], "strength": "allowed"}
        self.put(f"associations/{association}", body | rest)
        return association

    def debug_token(self) -> str:
        """With it a query's answer says why each content was chosen."""
        return str(self.post("preview")["token"])

    def publish(self) -> int:
        return int(self.post("publish")["table_version"])

    def get(self, path: str) -> Json:
        return self._answer(self.http.get(path))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        return self._answer(self.http.post(path, json=dict(body or {})))

    def put(self, path: str, body: Mapping[str, Any]) -> Json:
        """Writes a thing, whether or not it exists: with If-Match where it does."""
        there = self.http.get(path)
        headers = {"If-Match": there.headers["ETag"]} if there.is_success else {}
        return self._answer(self.http.put(path, json=dict(body), headers=headers))

    @staticmethod
    def _answer(response: httpx.Response) -> Json:
        assert response.is_success, (
            f"{response.request.method} {response.request.url}: {response.status_code} {response.text}"
        )
        answer: Json = response.json() if response.content else {}
        return answer

    def close(self) -> None:
        self.http.close()

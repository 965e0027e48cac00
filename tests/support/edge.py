"""A client of the edge, written from the page that describes the wire and nothing else."""

import itertools
from collections.abc import Mapping
from typing import Any

import httpx

Json = dict[str, Any]


class EdgeClient:
    """One merchant's queries and events. Sends each customer's route with its next request, as the snippet does."""

    def __init__(self, url: str, merchant: str, key: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.http = httpx.Client(base_url=url, timeout=10, headers=headers)
        self.merchant = merchant
        self.routes: dict[str, int] = {}
        self._number = itertools.count(1)

    def query(self, customer: str | None, *placements: str, session: str | None = None, **rest: Any) -> Json:
        """Asks for `placements` (hero when none is named) and answers the answer."""
        body = {
            "v": 1,
            "merchant": self.merchant,
            "customer": customer,
            "session": session or (f"s_{customer}" if customer else None),
            "placements": placements or ("hero",),
            "consent": "granted",
        }
        return self._post("/v1/query", customer, body | rest)

    def events(self, customer: str, *events: Mapping[str, Any], session: str | None = None) -> Json:
        """Sends events of one customer."""
        body = {
            "v": 1,
            "merchant": self.merchant,
            "customer": customer,
            "session": session or f"s_{customer}",
            "consent": "granted",
            "events": events,
        }
        return self._post("/v1/events", customer, body)

    def visit(self, customer: str, category: str, times: int = 1, **rest: Any) -> Json:
        """So many pages of one category; the answer of the last."""
        answer: Json = {}
        for _ in range(times):
            answer = self.query(customer, context={"page_type": "category", "category": category}, **rest)
        return answer

    def _post(self, path: str, customer: str | None, body: Mapping[str, Any]) -> Json:
        route = self.routes.get(customer or "")
        response = self.http.post(path, json=body, params={} if route is None else {"r": route})
        assert response.is_success, f"{response.status_code}: {response.text}"
        answer: Json = response.json()
        if customer and answer.get("route") is not None:
            self.routes[customer] = answer["route"]
        return answer

    def close(self) -> None:
        self.http.close()


def shown(answer: Json, placement: str = "hero") -> str | None:
    """The id of the content that an answer names for a placement."""
    content = answer["contents"][placement]
    return content and str(content["content"])

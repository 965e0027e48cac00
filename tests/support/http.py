"""Plain HTTP to processes under test."""

from functools import cache

import httpx


@cache
def plain() -> httpx.Client:
    """One client for everybody who asks now and then: each `httpx.get` reads all certificates of the machine, 30 ms of a
    processor, also where none is needed. It keeps no connection, for processes come and go on one port."""
    return httpx.Client(limits=httpx.Limits(max_keepalive_connections=0))

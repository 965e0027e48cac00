"""The hot door: POST /v1/query answered where its bytes arrive, inside uvicorn's protocol, with no task and no scope.

What is decided is decided by `api.edge.deciding`, as for the Starlette route; only reading and writing are done here.
Whatever is unusual about a request (its framing, its method, headers that want more than an answer) goes on to uvicorn's
own parser and to Starlette byte for byte, so that they word it.
"""

from api.edge.hot.protocol import hot_protocol

__all__ = ["hot_protocol"]

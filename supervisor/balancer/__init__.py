"""Configurations of a balancer before several edges, all made from one `Fleet`.

The facts are the same for each: a customer stays on one worker (consistent hash of `r`, the route that an answer named), a
lost one moves only its share, `r mod n` finds the shard, `/readyz` says who is asked, a connection that failed is tried
once elsewhere, and `/metrics` is nobody's business outside.
"""

from supervisor.balancer.fleet import Fleet, fleet
from supervisor.balancer.haproxy import configuration, haproxy

__all__ = ["Fleet", "configuration", "fleet", "haproxy"]

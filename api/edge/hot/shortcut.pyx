# cython: language_level=3
"""The usual query of a session that goes on, from its bytes to its answer and event, in one function of the processor's.

Most queries are such: a customer who is known here asks again within a session that keeps what it was shown. Whatever is
not exactly that is answered None, nothing having changed, and the long way (`api.edge.hot.turn`) decides. So nothing is
refused here, and nothing is chosen: the choice is `models.decisions.goes_on`'s. What is repeated of the long way is how a
head is read (`scan.pxd`), how answer and event are worded (`words.pxd`), how limits and table are read (`memory.pyx`), and
here the order of the steps; tests send the same traffic both ways and compare every byte.

Only a compiled edge has this module (`scripts/compile.py`).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memcmp
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

cimport cython

from api.edge.hot cimport pen as ink
from api.edge.hot.memory cimport Clients, Held, Limit, Slots
from api.edge.hot.pen cimport Pen
from api.edge.hot.scan cimport Facts, is_id, is_shallow, is_usual
from api.edge.hot.words cimport answer_after, answer_before, customer_key, drawn_id, event_of

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from api.edge.context import checked, origin as origin_of, path
from api.edge.head import Head
from api.edge.hot.turn import Begun
from api.edge.metrics.block import PLACES
from api.edge.metrics.series import QUERY_BUCKETS
from api.edge.replies import answer_headers
from api.edge.state import now_ms
from api.edge.warm import WAITING
from api.edge.wording import is_worded
from models.contracts.errors import UNREADABLE, RequestError
from models.contracts.ids import KNOWN
from models.contracts.wire import MAX_PLACEMENTS, UnreadQuery
from models.decisions import goes_on
from models.decisions.choice import NOBODY, passing
from models.decisions.context_segments import context_segment
from models.features.fold import Seen
from models.sessions import expiry

cdef object _decode = msgspec.json.Decoder(UnreadQuery).decode
cdef object _encode = msgspec.json.Encoder().encode
cdef bytes _OK = STATUS_LINE[200]
cdef dict _NOTHING_SHOWN = {}
cdef int _WAITING = WAITING
cdef int _MOST_PLACEMENTS = MAX_PLACEMENTS
cdef Py_ssize_t _MOST_KEPT = 4096


cdef inline double seconds() noexcept:
    """Of the clock that `time.monotonic` and `time.perf_counter` read."""
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec + now.tv_nsec * 1e-9


cdef inline long long unix_ms() noexcept:
    """As `api.edge.state.now_ms`."""
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return now.tv_sec * <long long>1000 + now.tv_nsec // 1000000


@cython.final
cdef class Shop:
    """What of a live merchant stays the same until something of it is published."""

    cdef object ready, limits, shelf
    cdef str name
    cdef dict places
    cdef tuple origins
    cdef bint keeps, granted

    def __cinit__(self, object ready):
        merchant = ready.merchant
        self.ready, self.shelf = ready, ready.shelf
        self.name, self.limits = merchant.id, merchant.session
        self.places = ready.shelf.places
        self.origins = merchant.origins
        self.keeps = merchant.freshness == "session"
        self.granted = merchant.consent_default == "granted"

    cdef str segment_of(self, dict context, Held held):
        """The context segment, which a few things of a context make: mostly those of the visit's last query."""
        device, referrer, category = context.get("device"), context.get("referrer"), context.get("category")
        if held.names is None or device != held.device or referrer != held.referrer or category != held.category:
            held.device, held.referrer, held.category = device, referrer, category
            held.names = context_segment(context, self.origins)
        return held.names


@cython.final
cdef class Shown:
    """One answer: `reply` is None until what became of its event is known."""

    cdef Shortcut shortcut
    cdef object settled
    cdef double began
    cdef bytes headers, before, after
    cdef list going
    cdef public object reply
    cdef public bint last

    def __call__(self, kept) -> None:
        """What became of the event."""
        self.reply = self.shortcut.replied(self, bool(kept))
        self.settled()


@cython.final
cdef class Shortcut:
    """The short way through one edge."""

    cdef object live, phase, warm, erasures, put, clock, random
    cdef Clients clients
    cdef Limit networks, merchants
    cdef Slots table
    cdef double[:] words
    cdef dict shops, reasons, fresh, blocks
    cdef Py_ssize_t answered, kept, lost, took, longest, largest, characters, keys
    cdef int depth, steps
    cdef double[64] buckets
    cdef bint is_usual_clock
    cdef Pen pen
    cdef bytearray paper

    def __cinit__(self, object edge, Py_ssize_t longest):
        """`longest`: bytes of a head."""
        settings = edge.settings
        self.live, self.phase, self.warm, self.erasures = edge.live, edge.phase, edge.warm, edge.erasures
        self.put, self.clock, self.random = edge.spool.put, edge.clock, edge.random
        self.clients, self.table = Clients(edge.network), Slots(edge.table)
        self.networks, self.merchants = Limit(edge.networks), Limit(edge.merchants)
        self.words = edge.metrics.words
        self.longest, self.largest, self.depth = longest, settings.body_bytes, settings.json_depth
        self.characters, self.keys = settings.context_characters, settings.context_keys
        self.shops, self.blocks = {}, {}
        self.reasons = {name: at for (series, name), at in PLACES.items() if series == "decisions"}
        self.fresh = {name: at for (series, name), at in PLACES.items() if series == "answers"}
        self.answered, self.took = PLACES["queries", "200"], PLACES["query_seconds", ""]
        self.kept, self.lost = PLACES["recorded", "true"], PLACES["recorded", "false"]
        self.is_usual_clock = edge.clock is now_ms
        self.steps = len(QUERY_BUCKETS)
        for n, step in enumerate(QUERY_BUCKETS):
            self.buckets[n] = step
        self.paper = bytearray(8 * self.largest)  # JSON says a byte in six at most
        self.pen.start = self.paper
        self.pen.end = self.pen.start + len(self.paper)

    def take(self, bytes raw, Py_ssize_t start, Py_ssize_t end, bytes body, str peer, object settled):
        """The answer to the request that begins at `start` of `raw`, whose blank line is at `end`; as far as the long way
        has to decide, what was read of the request, or None. `settled` is called when the reply is there."""
        cdef Facts facts
        cdef double began = seconds()
        cdef const char* data = PyBytes_AS_STRING(raw)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(body)
        if end - start > self.longest or size > self.largest or PyBytes_GET_SIZE(raw) < end + 4 + size:
            return None
        if memcmp(data + end + 4, PyBytes_AS_STRING(body), size) != 0:
            return None
        if not is_usual(data + start, end + 1 - start, &facts):
            return None
        if not is_shallow(PyBytes_AS_STRING(body), size, self.depth):
            return None
        try:
            request = _decode(body)
        except UNREADABLE:
            return None
        try:
            shown = self.shown(request, &facts, peer, settled, began)
        except Exception:  # a bug: the long way meets it as well, and says so
            shown = None
        return self.begun(request, &facts, end - start, peer) if shown is None else shown

    cdef object begun(self, object request, Facts* facts, Py_ssize_t size, str peer):
        """What the long way need not read again."""
        forwarded = () if facts.forwarded.at == NULL else (facts.forwarded.at[: facts.forwarded.size].decode("latin-1"),)
        origins = () if facts.origin.at == NULL else (facts.origin.at[: facts.origin.size].decode("latin-1"),)
        head = Head(peer=peer, size=size, parameters=facts.parameters, forwarded=forwarded, origins=origins)
        return Begun(head, request)

    cdef Shown shown(self, object request, Facts* facts, str peer, object settled, double began):
        if request.at is not None or request.debug is not None or request.session_reason is not None or request.bot:
            return None
        cdef str merchant = request.merchant
        ready = self.live.merchants.get(merchant)
        if ready is None or not self.phase.answers:
            return None
        cdef Shop shop = self.shops.get(merchant)
        if shop is None or shop.ready is not ready:
            shop = self.shops[merchant] = Shop(ready)
        consent = request.consent
        if not shop.keeps or not (shop.granted if consent == "unknown" else consent == "granted"):
            return None
        origin = None
        if facts.origin.at != NULL:
            origin = facts.origin.at[: facts.origin.size].decode("latin-1")
            if origin not in shop.origins:
                return None
        customer, session, query = request.customer, request.session, request.id
        if type(customer) is not str or type(session) is not str or not is_id(customer) or not is_id(session):
            return None
        if (<str>customer).startswith(KNOWN) or (query is not None and not is_id(query)):
            return None
        cdef dict context = self.context_of(request.context)
        if context is None:
            return None
        now, sent = unix_ms() if self.is_usual_clock else self.clock(), request.sent
        if not self.goes_on(request, now if sent is None else sent, shop.limits):
            return None
        cdef bytes key = customer_key(merchant, customer)
        if self.erasures.commands and self.erasures.erased(key):
            return None
        visit = self.warm.visit(key)
        standing = visit.standing
        if standing is None:
            return None
        cdef Held held = visit.held
        if held is None or held.standing is not standing:
            held = self.hold(visit, standing, customer)
            if held is None:
                return None
        if held.session != session or not standing.holds(ready, self.table.membership(held, key)):
            return None
        cdef tuple placements = request.placements
        cdef list going = self.going_on(shop, placements, visit, held, context, now)
        if going is None:
            return None
        # Nothing but a limit stands in the way any more, and of that the long way says more.
        cdef str network = self.clients.named(peer, facts.forwarded.at, facts.forwarded.size)
        if network is not None and not self.networks.take(network, began):
            return None
        if not self.merchants.take(merchant, began):
            return None
        if visit.waiting >= _WAITING:
            self.warm.trim(key, visit)
        cdef bint draws = query is None
        if draws:
            query = drawn_id(self.random(16))
        # What stays is, as far as it is equal, what was there before: a hundred thousand visits hold 32 of these each.
        category = context.get("category")
        page = (held.category if category == held.category else category, context.get("campaign"), context.get("product"))
        visit.add(Seen(query, shop.name, held.customer, held.session, now, now, page, drawn=draws))
        for one in going:
            decision = one.decision
            visit.show(decision.placement, decision.content)
        cdef Shown shown = Shown.__new__(Shown)
        shown.shortcut, shown.settled, shown.began, shown.going = self, settled, began, going
        shown.headers = self.block_of(origin)
        shown.before = answer_before(&self.pen, query, customer, held.route, session)
        shown.after = answer_after(&self.pen, query, going)
        event = event_of(&self.pen, query, merchant, customer, session, now, sent, context, placements, going, _encode)
        self.put(event, shown)
        return shown

    cdef Held hold(self, object visit, object standing, str customer):
        """The visit from now on; None where it has no session or no route yet."""
        if visit.session is None or visit.route is None:
            return None
        cdef Held held = Held.__new__(Held)
        held.standing, held.session, held.route, held.counts = standing, visit.session, visit.route, visit.counts
        held.customer = customer
        visit.held = held
        return held

    cdef bint goes_on(self, object request, object sent, object limits) except -1:
        """Whether the session is kept."""
        started, active = request.session_started, request.session_active
        idle = None if active is None else sent - active
        age = None if started is None else sent - started
        return expiry(idle, age, limits) is None

    cdef dict context_of(self, dict given):
        """As `api.edge.context.checked`; None where it refuses."""
        cdef Py_ssize_t characters = self.characters
        if len(given) > self.keys:
            return None
        for name, value in given.items():
            if type(value) is not str or len(<str>value) > characters or not 1 <= len(<str>name) <= 64:
                try:
                    return checked(given, self.keys, characters)
                except RequestError:
                    return None
        page, referrer = given.get("page"), given.get("referrer")
        host = None if referrer is None else origin_of(referrer)
        if (page is not None and ("?" in <str>page or "#" in <str>page)) or host != referrer:
            given = given.copy()  # what came stays as it came, for the long way
            if page is not None:
                given["page"] = path(page)
            if referrer is not None:
                given["referrer"] = host
        return given

    cdef list going_on(self, Shop shop, tuple placements, object visit, Held held, dict context, object now):
        """What is shown again, by placement; None where something is to be chosen."""
        cdef Py_ssize_t count = len(placements)
        if not 0 < count <= _MOST_PLACEMENTS:
            return None
        cdef str names = shop.segment_of(context, held)
        cdef list going = []
        if count == 1:
            placement = placements[0]
            if held.shop is shop and held.going_names is names and held.placement == placement:
                shown = held.counts.get(placement, _NOTHING_SHOWN)
                if held.passing == passing(shop.places[placement], context, now, shown):
                    going.append(held.going)
                    return going
        standing = held.standing
        membership = standing.membership
        member = NOBODY if membership is None else membership
        choices, counts, fresh, arm = visit.choices, visit.counts, standing.fresh, standing.arm
        for placement in placements if count == 1 else dict.fromkeys(placements):
            if placement not in shop.places:
                return None
            shown = counts.get(placement, _NOTHING_SHOWN)
            one = goes_on(shop.shelf, placement, member, names, context, now, choices.get(placement), shown, fresh, arm)
            if one is None or not (one.answer or is_worded(shop.ready, one)):
                return None
            going.append(one)
        if count == 1 and not shop.places[placement].capped:
            held.shop, held.placement, held.going, held.going_names = shop, placement, one, names
            held.passing = passing(shop.places[placement], context, now, shown)
        return going

    cdef bytes block_of(self, object origin):
        found = self.blocks.get(origin)
        if found is None:
            if len(self.blocks) >= _MOST_KEPT:
                self.blocks.clear()
            found = self.blocks[origin] = answer_headers(origin).block
        return found

    cdef bytes replied(self, Shown shown, bint kept):
        """The whole reply, counted."""
        cdef double[:] words = self.words
        cdef Pen* pen = &self.pen
        cdef Py_ssize_t size = PyBytes_GET_SIZE(shown.before) + PyBytes_GET_SIZE(shown.after) + (4 if kept else 5)
        cdef double spent
        cdef Py_ssize_t place
        cdef int n = 0
        for one in shown.going:
            place = self.reasons[one.reason]
            words[place] += 1.0
            place = self.fresh[one.fresh]
            words[place] += 1.0
        words[self.kept if kept else self.lost] += 1.0
        ink.begin(pen)
        ink.raw(pen, _OK)
        ink.raw(pen, shown.headers)
        ink.put(pen, b"content-length: ", 16)
        ink.number(pen, size)
        ink.put(pen, b"\r\n\r\n", 4)
        ink.raw(pen, shown.before)
        ink.put(pen, b"true" if kept else b"false", 4 if kept else 5)
        ink.raw(pen, shown.after)
        spent = seconds() - shown.began
        while n < self.steps and self.buckets[n] < spent:
            n += 1
        words[self.answered] += 1.0
        words[self.took + n] += 1.0
        words[self.took + self.steps + 1] += spent
        return ink.written(pen)

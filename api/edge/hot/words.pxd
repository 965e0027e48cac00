"""Words of answers and events, and ids, put together as `api.edge.wording` and `models.contracts.ids` have them."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.string cimport memcpy

from api.edge.hot.pen cimport Pen, begin, number, put, raw, text, written


cdef inline bytes customer_key(str merchant, str customer):
    """As `models.contracts.ids.customer_key`."""
    cdef Py_ssize_t before, after
    cdef const char* shop = PyUnicode_AsUTF8AndSize(merchant, &before)
    cdef const char* name = PyUnicode_AsUTF8AndSize(customer, &after)
    cdef bytes key = PyBytes_FromStringAndSize(NULL, before + 1 + after)
    cdef char* into = PyBytes_AS_STRING(key)
    memcpy(into, shop, before)
    into[before] = 47  # /
    memcpy(into + before + 1, name, after)
    return key


cdef inline str drawn_id(bytes raw):
    """As `models.contracts.ids.new_id` with the prefix of a query, of its 16 random bytes."""
    cdef char[24] found
    cdef const unsigned char* at = <const unsigned char*>PyBytes_AS_STRING(raw)
    cdef unsigned int three
    cdef int n
    cdef const char* letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    found[0], found[1] = 113, 95  # q_
    for n in range(5):
        three = at[3 * n] << 16 | at[3 * n + 1] << 8 | at[3 * n + 2]
        found[4 * n + 2] = letters[three >> 18]
        found[4 * n + 3] = letters[three >> 12 & 63]
        found[4 * n + 4] = letters[three >> 6 & 63]
        found[4 * n + 5] = letters[three & 63]
    found[22], found[23] = letters[at[15] >> 2], letters[at[15] << 4 & 63]
    return found[:24].decode("ascii")


cdef inline bint is_plain(const char* data, Py_ssize_t size) noexcept:
    """Whether JSON has these bytes as they are."""
    cdef Py_ssize_t n
    cdef unsigned char one
    cdef bint plain = True
    for n in range(size):
        one = data[n]
        plain &= one >= 32 and one != 34 and one != 92 and one != 127
    return plain


cdef inline int put_context(Pen* pen, dict context, object encode) except -1:
    """As msgspec encodes it, which `encode` does with whatever is not plain text."""
    cdef char* before = pen.at
    cdef const char* data
    cdef Py_ssize_t size
    cdef char begins = 123  # {
    for name, value in context.items():
        if type(value) is not str:
            pen.at = before
            raw(pen, encode(context))
            return 0
        put(pen, &begins, 1)
        begins = 44  # ,
        data = PyUnicode_AsUTF8AndSize(name, &size)
        if is_plain(data, size):
            put(pen, b'"', 1)
            put(pen, data, size)
            put(pen, b'":', 2)
        else:
            raw(pen, encode(name))
            put(pen, b":", 1)
        data = PyUnicode_AsUTF8AndSize(value, &size)
        if is_plain(data, size):
            put(pen, b'"', 1)
            put(pen, data, size)
            put(pen, b'"', 1)
        else:
            raw(pen, encode(value))
    put(pen, b"}", 1)
    return 0


cdef inline bytes event_of(
    Pen* pen, str query, str merchant, str customer, str session, long long now, object sent, dict context, tuple placements,
    list going, object encode,
):
    """As `api.edge.wording.event_of`."""
    cdef bint first = True
    begin(pen)
    put(pen, b'{"type":"query","id":"', 22)
    text(pen, query)
    put(pen, b'","merchant":"', 14)
    text(pen, merchant)
    put(pen, b'","customer":"', 14)
    text(pen, customer)
    put(pen, b'","session":"', 13)
    text(pen, session)
    put(pen, b'","at":', 7)
    number(pen, now)
    put(pen, b',"received":', 12)
    number(pen, now)
    if sent is not None:
        put(pen, b',"client_at":', 13)
        number(pen, sent)
    if context:
        put(pen, b',"context":', 11)
        put_context(pen, context, encode)
    put(pen, b',"placements":[', 15)
    for placement in placements:
        put(pen, b'"' if first else b',"', 1 if first else 2)
        first = False
        text(pen, placement)
        put(pen, b'"', 1)
    put(pen, b'],"decisions":[', 15)
    first = True
    for one in going:
        if not first:
            put(pen, b",", 1)
        first = False
        raw(pen, one.event)
    put(pen, b"]}", 2)
    return written(pen)


cdef inline bytes answer_before(Pen* pen, str query, str customer, unsigned long long route, str session):
    """The answer up to what it says of recording, as `api.edge.wording.written_again` has it."""
    begin(pen)
    put(pen, b'{"v":1,"id":"', 13)
    text(pen, query)
    put(pen, b'","customer":"', 14)
    text(pen, customer)
    put(pen, b'","route":', 10)
    number(pen, route)
    put(pen, b',"session":{"id":"', 18)
    text(pen, session)
    put(pen, b'","verdict":"kept","reason":null},"recorded":', 45)
    return written(pen)


cdef inline bytes answer_after(Pen* pen, str query, list going):
    """The answer from there on."""
    cdef bint first = True
    begin(pen)
    put(pen, b',"contents":{', 13)
    for one in going:
        if not first:
            put(pen, b",", 1)
        first = False
        raw(pen, one.answer)
        text(pen, query)
        text(pen, one.name)
    put(pen, b"}}", 2)
    return written(pen)

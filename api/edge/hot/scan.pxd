"""Reading bytes of a request with the processor's own comparisons: head, body, ids. Everything here only looks."""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.string cimport memchr, memcmp


cdef struct Span:
    const char* at
    Py_ssize_t size


cdef struct Facts:
    # What an answer depends on of a head; `at` NULL = there is no such line.
    Span origin
    Span forwarded
    Py_ssize_t parameters  # characters of the query string


cdef inline bint is_named(const char* line, const char* name, Py_ssize_t size) noexcept:
    """Whether a header's name is `name`, which is in lower case."""
    cdef Py_ssize_t n
    for n in range(size):
        if (line[n] | 0x20 if 65 <= line[n] <= 90 else line[n]) != name[n]:
            return False
    return True


cdef inline Py_ssize_t request_line(const char* line, Py_ssize_t size) noexcept:
    """Characters of the query string of ``POST /v1/query``, which may have a route; -1 of any other line."""
    cdef Py_ssize_t at = 14, digits = 0
    if size < 24 or memcmp(line, b"POST /v1/query", 14) != 0:
        return -1
    if line[at] == 63:  # ?
        if memcmp(line + at, b"?r=", 3) != 0:
            return -1
        at += 3
        while digits < 5 and 48 <= line[at] <= 57:  # ends before the line does: its last byte is no digit
            digits, at = digits + 1, at + 1
        if not 1 <= digits <= 4:
            return -1
        digits += 2
    return digits if size - at == 10 and memcmp(line + at, b" HTTP/1.1\r", 10) == 0 else -1


cdef inline bint is_usual(const char* head, Py_ssize_t size, Facts* facts) noexcept:
    """Reads a head, from its request line to the CR of its last line; False where it wants to be read with more care, by
    `api.edge.hot.heads`."""
    cdef const char* end = head + size
    cdef const char* line = head
    cdef const char* stop
    cdef const char* colon
    cdef const char* value
    cdef Span* said
    facts.origin.at = facts.forwarded.at = NULL
    while line < end:
        stop = <const char*>memchr(line, 10, end - line)
        if stop == NULL:
            stop = end
        if stop == line or (stop - 1)[0] != 13:
            return False
        if line == head:
            facts.parameters = request_line(line, stop - line)
            if facts.parameters < 0:
                return False
            line = stop + 1
            continue
        if line[0] == 32 or line[0] == 9:
            return False
        colon = <const char*>memchr(line, 58, stop - line)
        if colon == NULL:
            return False
        value = colon + 1
        while value[0] == 32 or value[0] == 9:
            value += 1
        said = NULL
        size = colon - line
        if size == 6:
            if is_named(line, b"origin", 6):
                said = &facts.origin
            elif is_named(line, b"expect", 6):
                return False
        elif size == 7:
            if is_named(line, b"sec-gpc", 7) or is_named(line, b"upgrade", 7):
                return False
        elif size == 10:
            if is_named(line, b"connection", 10) and not (stop - 1 - value == 10 and is_named(value, b"keep-alive", 10)):
                return False
        elif size == 13:
            if is_named(line, b"authorization", 13):
                return False
        elif size == 15:
            if is_named(line, b"x-forwarded-for", 15):
                said = &facts.forwarded
        elif size == 16:
            if is_named(line, b"content-encoding", 16) or is_named(line, b"proxy-connection", 16):
                return False
        elif size == 17:
            if is_named(line, b"transfer-encoding", 17):
                return False
        if said != NULL:
            if said.at != NULL or stop - 1 <= value or (stop - 2)[0] == 32 or (stop - 2)[0] == 9:
                return False
            said.at, said.size = value, stop - 1 - value
        line = stop + 1
    return True


cdef inline bint is_shallow(const char* body, Py_ssize_t size, int most) noexcept:
    """Whether a body is an object of at most `most` levels, as its brackets say without a look at where they stand."""
    cdef Py_ssize_t n = 0
    cdef int brackets = 0
    while n < size and (body[n] == 32 or body[n] == 9 or body[n] == 13 or body[n] == 10):
        n += 1
    if n == size or body[n] != 123:
        return False
    for n in range(n, size):
        brackets += (body[n] | 0x20) == 123  # { and [ differ in that bit
    return brackets <= most


cdef inline bint is_id(str text) except -1:
    """As `models.contracts.ids.is_id`."""
    cdef Py_ssize_t size, n
    cdef const char* letters = PyUnicode_AsUTF8AndSize(text, &size)
    cdef unsigned char one
    if not 1 <= size <= 64:
        return False
    for n in range(size):
        one = letters[n]
        if not (97 <= (one | 0x20) <= 122 or 45 <= one <= 46 or 48 <= one <= 58 or one == 95):
            return False
    return True

"""A pen: writes bytes one after another into memory that is used again."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.string cimport memcpy


cdef struct Pen:
    char* start
    char* end
    char* at
    bint full  # there was no room for all that was put


cdef inline void begin(Pen* pen) noexcept:
    pen.at, pen.full = pen.start, False


cdef inline void put(Pen* pen, const char* data, Py_ssize_t size) noexcept:
    if pen.end - pen.at < size:
        pen.full = True
        return
    memcpy(pen.at, data, size)
    pen.at += size


cdef inline int text(Pen* pen, str what) except -1:
    cdef Py_ssize_t size
    cdef const char* data = PyUnicode_AsUTF8AndSize(what, &size)
    put(pen, data, size)
    return 0


cdef inline void raw(Pen* pen, bytes what) noexcept:
    put(pen, PyBytes_AS_STRING(what), PyBytes_GET_SIZE(what))


cdef inline void number(Pen* pen, unsigned long long value) noexcept:
    cdef char[24] digits
    cdef int n = 24
    while True:
        n -= 1
        digits[n] = 48 + value % 10
        value //= 10
        if value == 0:
            break
    put(pen, digits + n, 24 - n)


cdef inline bytes written(Pen* pen):
    """Raises MemoryError where there was no room."""
    if pen.full:
        raise MemoryError("longer than what a pen writes")
    return PyBytes_FromStringAndSize(pen.start, pen.at - pen.start)

cdef class Limit:
    cdef unsigned long long[:] tags
    cdef double[:] full
    cdef double every, ahead
    cdef Py_ssize_t sets
    cdef bint take(self, str name, double now) except -1


cdef class Clients:
    cdef object network
    cdef dict peers
    cdef int count
    cdef unsigned int[64] masks
    cdef unsigned int[64] nets
    cdef str named(self, object peer, const char* forwarded, Py_ssize_t size)


cdef class Held:
    # What of a visit stays the same while its standing is the same object.
    cdef object standing, route, counts
    cdef str customer, session
    # Hash of the customer's key under the table's secret of that time.
    cdef bytes secret
    cdef unsigned long long hashed
    # The last context segment, and what it was made of.
    cdef str names
    cdef object device, referrer, category
    # What the last query was shown, of one placement, and by what.
    cdef str placement
    cdef object shop, going
    cdef str going_names
    cdef tuple passing


cdef class Slots:
    cdef object table, view
    cdef bytes secret
    cdef bint is_shared
    cdef const unsigned long long[:] current
    cdef const unsigned long long[:] words
    cdef unsigned long long generation, known_mask, index_mask
    cdef int home_shift, fingerprint_shift, index_bits
    cdef dict rows
    cdef object membership(self, Held held, bytes key)

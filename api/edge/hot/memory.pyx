# cython: language_level=3
"""What an edge's processes share, as the short way reads it: buckets of limits, client networks, the look-up table.

Each does what the class does that it is made of, with the same memory, and leaves to that one whatever is rare: a tag that
is not at its first place, an address that is no plain IPv4 one, a membership that was not read yet.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memcmp, memcpy

from api.edge.table.directory import GENERATION_WORD
from api.edge.table.view import HEADER

cdef Py_ssize_t _GENERATION = GENERATION_WORD
cdef Py_ssize_t _HEADER = HEADER

cdef extern from "<arpa/inet.h>" nogil:
    int inet_pton(int family, const char* address, void* into)
    unsigned int ntohl(unsigned int number)
    int AF_INET


cdef class Limit:
    """`api.edge.limits.Buckets`: the generic cell rate algorithm, a load and a store."""

    def __cinit__(self, object buckets):
        self.every, self.ahead, self.sets = buckets.every, buckets.ahead, buckets.sets
        self.tags, self.full = buckets.tags, buckets.full

    @cython.boundscheck(True)
    cdef bint take(self, str name, double now) except -1:
        """Takes a token where there is one."""
        if self.every <= 0:
            return True
        cdef long long hashed = hash(name)
        cdef unsigned long long tag = (<unsigned long long>hashed) & ((1ULL << 62) - 1)
        if tag == 0:
            tag = 1
        cdef Py_ssize_t first = (tag & self.sets) * 4
        cdef Py_ssize_t at = first, place
        cdef double earliest
        if self.tags[first] != tag:
            earliest = self.full[first]
            for place in range(first, first + 4):
                if self.tags[place] == tag:
                    at = place
                    break
                if self.full[place] < earliest:
                    at, earliest = place, self.full[place]
        cdef double full = self.full[at] if self.tags[at] == tag else 0.0
        if full - now - self.ahead > 1e-9:
            return False
        self.tags[at] = tag
        self.full[at] = (full if full > now else now) + self.every
        return True


cdef class Clients:
    """`api.edge.limits.Networks`."""

    def __cinit__(self, object network):
        self.network, self.peers = network, {}
        self.count = 0
        for mask, net in network.trusted_4[:64]:
            self.masks[self.count], self.nets[self.count] = mask, net
            self.count += 1
        if len(network.trusted_4) > 64:
            self.count = -1

    cdef str named(self, object peer, const char* forwarded, Py_ssize_t size):
        """The network of a request, whose one X-Forwarded-For is `forwarded` (NULL: it has none)."""
        cdef char[16] address
        cdef unsigned int number
        cdef int n
        found = self.peers.get(peer)
        if found is None:
            if len(self.peers) >= 4096:
                self.peers.clear()
            found = self.peers[peer] = self.network.named(peer)
        if not found[1]:
            return found[0]
        if forwarded == NULL:
            return None
        if size < 16 and self.count >= 0:
            memcpy(address, forwarded, size)
            address[size] = 0
            if inet_pton(AF_INET, address, &number) == 1:
                number = ntohl(number)
                for n in range(self.count):
                    if number & self.masks[n] == self.nets[n]:
                        return None
                return None if number >> 24 == 127 else address[:size].decode("ascii")
        return self.network.of(peer, (forwarded[:size].decode("latin-1"),))


cdef class Held:
    """A visit as the short way found it the last time."""


cdef class Slots:
    """`api.edge.table.AttachedTable`; of a table that is none it asks that table."""

    def __cinit__(self, object table):
        self.table = table
        self.is_shared = hasattr(table, "current")
        if self.is_shared:
            self.current = table.current
            self.generation = <unsigned long long>-1

    @cython.boundscheck(True)
    cdef object membership(self, Held held, bytes key):
        """The membership of the customer whose key is `key`, and who is held."""
        if not self.is_shared:
            return self.table.get(key)
        if self.current[_GENERATION] != self.generation:
            self._switch()
        if held.secret is not self.secret:
            held.secret, held.hashed = self.secret, self.view.hash(key)
        cdef unsigned long long hashed = held.hashed
        cdef unsigned long long fingerprint = (hashed & self.known_mask) >> self.fingerprint_shift
        if fingerprint == 0:
            fingerprint = 1
        cdef Py_ssize_t slot = _HEADER + <Py_ssize_t>(hashed >> self.home_shift)
        cdef unsigned long long word = self.words[slot]
        cdef bytes prefix
        while word != 0:
            if word >> self.index_bits == fingerprint:
                row = self.rows.get(word & self.index_mask)
                if row is None:
                    row = self.view.find(hashed)
                    if row is None:
                        return None
                prefix = row.prefix
                if PyBytes_GET_SIZE(key) < PyBytes_GET_SIZE(prefix):
                    return None
                if memcmp(PyBytes_AS_STRING(key), PyBytes_AS_STRING(prefix), PyBytes_GET_SIZE(prefix)) != 0:
                    return None
                return row.membership
            slot += 1
            word = self.words[slot]
        return None

    def _switch(self) -> None:
        view = self.view = self.table.newest()
        if self.secret != view.secret:  # else the very object, which visits are told by
            self.secret = view.secret
        self.words, self.rows, self.generation = view.words, view.rows, view.generation
        self.home_shift, self.known_mask = view.home_shift, view.known_mask
        self.fingerprint_shift, self.index_bits, self.index_mask = view.fingerprint_shift, view.index_bits, view.index_mask

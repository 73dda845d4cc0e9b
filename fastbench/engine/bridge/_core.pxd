"""What `_client` shares with `_core`: the run's block, histograms, and the names of errors."""

from libc.stdint cimport uint32_t

cimport fastbench.engine.block as block
cimport fastbench.engine.hdr as hdr
cimport fastbench.engine.proxy.tunnel as tunnel


cdef class Histogram:
    cdef hdr.Hdr *data


cdef class Block:
    cdef void *memory
    cdef size_t n_bytes
    cdef readonly uint32_t workers
    cdef readonly uint32_t first
    cdef readonly uint32_t total
    cdef bint warmup
    cdef void *url_memory
    cdef size_t url_bytes
    cdef readonly uint32_t urls
    cdef block.Control *control(self)
    cdef block.Slot *slot(self, uint32_t index) except NULL
    cdef uint32_t own(self, uint32_t worker) except? 0xFFFFFFFF
    cdef int map_urls(self, uint32_t urls, int kind) except -1
    cdef dict named(self, const block.Slot *slot)
    cdef block.UrlCounts *url(self, uint32_t worker, uint32_t url) except NULL


cdef str code_name(int kind, int code)
cdef int fill_tunnel(tunnel.Tunnel *out, tuple texts) except -1
cdef object view_of(object owner, void *data, size_t n_bytes)

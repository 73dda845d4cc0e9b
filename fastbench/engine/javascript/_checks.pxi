# Part of _quickjs.pyx: checks that are counted without it.

@cython.final
@cython.no_gc_clear      # what it frees belongs to its realm
cdef class CountedChecks:
    """Where the checks of one place are counted, for those that need no switch to the hub."""

    cdef Realm realm
    cdef Checks *raw
    cdef list cells

    def __cinit__(self, Realm realm not None):
        self.realm = realm
        self.cells = []
        self.raw = checks_new()
        if self.raw == NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.raw != NULL:
            checks_free(self.realm.ctx, self.raw)

    cdef known(self, JSValueConst name, cell):
        """Let the next ones of this name be counted in a RateSlot.

        One that a threshold counts apart, too, has several, and is counted by Python.
        """
        address = getattr(cell, "address", None)
        if address is None:
            return
        if checks_add(self.realm.ctx, self.raw, name, <uint64_t *><size_t>address):
            self.cells.append(cell)

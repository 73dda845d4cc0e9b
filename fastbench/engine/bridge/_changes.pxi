# Part of _core.pyx: shared memory that is followed from another machine.
#
# 1. Who follows begins with zeros, as what is followed did, and adds what it is sent.
# 2. Changes are numbers, each as `put` writes it: for each aligned word of 8 bytes that changed, in
#    ascending order, how many words stand between it and the one before, and by how much it grew
#    (mod 2^64), zigzag: -1 is 1, 1 is 2.
# 3. Writers go on meanwhile. Each word is read once, so that nothing is lost or told twice. What
#    stands behind is read later: what a count at the begin publishes is complete as far as the
#    caller asks for it, and beyond that wholly missing until the next time.
# 4. Looking at a page of shared memory makes it. Those that nobody has written are not looked at:
#    mincore(2) knows.

cdef extern from *:
    uint64_t load "__atomic_load_n"(const uint64_t *word, int order) noexcept nogil
    void store "__atomic_store_n"(uint64_t *word, uint64_t value, int order) noexcept nogil
    int RELAXED "__ATOMIC_RELAXED"
    int RELEASE "__ATOMIC_RELEASE"

cdef extern from "<sys/mman.h>" nogil:
    int mincore(void *address, size_t n_bytes, unsigned char *pages)

cdef extern from "<unistd.h>" nogil:
    long sysconf(int name)
    int _SC_PAGESIZE

cdef enum:
    WORD_BYTES = 8
    HEAD_WORDS = 8              # what publishes the rest of an arena's region, see engine/arena.pxd
    LOOK_PAGES = 4096           # that the kernel is asked about at once

cdef struct Instant:
    size_t word
    uint64_t sent               # what is known of it on the other side

cdef struct Followed:
    const uint64_t *memory
    uint64_t *shadow            # what it held at the last look
    uint8_t *held               # by page: whether it held something then
    size_t page_words
    size_t before               # words between the begin of its first page and it
    Instant *instants           # ascending
    size_t n_instants
    uint8_t *changes
    size_t n_bytes              # of the changes
    size_t room_bytes
    size_t following            # the word behind the last one that changed


cdef inline void tell(Followed *self, size_t word, uint64_t by) noexcept nogil:
    self.n_bytes += put(self.changes + self.n_bytes, word - self.following)
    self.n_bytes += put(self.changes + self.n_bytes, (by << 1) ^ (0 - (by >> 63)))
    self.following = word + 1


cdef inline void tell_instant(Followed *self, Instant *instant, uint64_t offset_ns) noexcept nogil:
    cdef uint64_t value = load(&self.memory[instant.word], RELAXED)
    cdef uint64_t theirs = value - offset_ns if value else 0
    self.shadow[instant.word] = value
    if theirs != instant.sent:
        tell(self, instant.word, theirs - instant.sent)
        instant.sent = theirs


cdef inline bint make_room(Followed *self) noexcept nogil:
    """Whether the changes of one page more have room."""
    cdef size_t wanted = self.n_bytes + self.page_words * 2 * LONGEST_NUMBER
    cdef void *larger
    if wanted > self.room_bytes:
        larger = realloc(self.changes, 2 * wanted)
        if larger == NULL:
            return False
        self.changes = <uint8_t *>larger
        self.room_bytes = 2 * wanted
    return True


cdef inline Instant *look_at_page(Followed *self, size_t word, size_t end, Instant *instant,
                                  uint64_t offset_ns) noexcept nogil:
    """Tell the changes of one page; the first instant behind it."""
    cdef Instant *last = self.instants + self.n_instants
    cdef uint64_t value
    if memcmp(self.memory + word, self.shadow + word, (end - word) * WORD_BYTES) == 0:
        while instant < last and instant.word < end:
            tell_instant(self, instant, offset_ns)
            instant += 1
        return instant
    while word < end:
        if instant < last and instant.word == word:
            tell_instant(self, instant, offset_ns)
            instant += 1
        else:
            value = load(&self.memory[word], RELAXED)
            if value != self.shadow[word]:
                tell(self, word, value - self.shadow[word])
                self.shadow[word] = value
        word += 1
    return instant


cdef inline bint look(Followed *self, size_t n_words, uint64_t offset_ns) noexcept nogil:
    """Collect what changed in the first `n_words`; false when memory is short."""
    cdef unsigned char written[LOOK_PAGES]
    cdef Instant *instant = self.instants
    cdef Instant *last = self.instants + self.n_instants
    cdef char *first_page = <char *>(self.memory - self.before)
    cdef size_t page = 0, word = 0, end, asked
    self.n_bytes = self.following = 0
    while word < n_words:
        if page % LOOK_PAGES == 0:
            asked = (self.before + n_words + self.page_words - 1) // self.page_words - page
            asked = LOOK_PAGES if asked > LOOK_PAGES else asked
            if mincore(first_page + page * self.page_words * WORD_BYTES,
                       asked * self.page_words * WORD_BYTES, written) < 0:
                memset(written, 1, asked)
        end = (page + 1) * self.page_words - self.before
        end = n_words if end > n_words else end
        # One that held something and is gone was swapped out.
        if written[page % LOOK_PAGES] & 1 or self.held[page]:
            if not make_room(self):
                return False
            instant = look_at_page(self, word, end, instant, offset_ns)
            self.held[page] |= self.following > word
        while instant < last and instant.word < end:
            instant += 1
        word = end
        page += 1
    return True


cdef void *zeros(size_t n_bytes) except NULL:
    cdef void *memory = kernel.map_zeros(n_bytes)
    if memory == NULL:
        raise MemoryError(f"{n_bytes} bytes of address space could not be mapped")
    return memory


cdef int get_words(object memory, Py_buffer *view, int flags) except -1:
    """Borrow memory that consists of whole words; to be released."""
    PyObject_GetBuffer(memory, view, flags)
    if <size_t>view.buf % WORD_BYTES or view.len % WORD_BYTES:
        PyBuffer_Release(view)
        raise ValueError("memory is followed in aligned words of 8 bytes")
    return 0


cdef class MemoryChanges:
    """What changes in memory that others write, from look to look; see `apply_changes`.

    `view`: a buffer of aligned words, all zeros when it was made, as parts of a block or an arena.
    """

    cdef Followed followed
    cdef Py_buffer view
    cdef size_t n_bytes
    cdef size_t n_pages
    cdef bint borrowed
    cdef bint looking
    cdef tuple instants         # as they were given last

    def __cinit__(self, view):
        cdef size_t page_bytes = sysconf(_SC_PAGESIZE), before_bytes
        get_words(view, &self.view, PyBUF_SIMPLE)
        self.borrowed = True
        before_bytes = <size_t>self.view.buf % page_bytes
        self.n_bytes = self.view.len
        self.n_pages = (before_bytes + self.n_bytes + page_bytes - 1) // page_bytes
        self.followed.memory = <const uint64_t *>self.view.buf
        self.followed.page_words = page_bytes // WORD_BYTES
        self.followed.before = before_bytes // WORD_BYTES
        self.followed.shadow = <uint64_t *>zeros(self.n_bytes + 1)
        self.followed.held = <uint8_t *>zeros(self.n_pages + 1)
        self.instants = ()

    def __dealloc__(self):
        if self.followed.shadow != NULL:
            kernel.munmap(self.followed.shadow, self.n_bytes + 1)
        if self.followed.held != NULL:
            kernel.munmap(self.followed.held, self.n_pages + 1)
        free(self.followed.instants)
        free(self.followed.changes)
        if self.borrowed:
            PyBuffer_Release(&self.view)

    def take(self, size_t n_bytes, tuple instants not None, int64_t offset_ns):
        """What changed in the first `n_bytes` since the last call; empty when nothing did.

        `instants`: offsets in bytes of words that hold instants of CLOCK_MONOTONIC here, 0 for
        none; `offset_ns` is how far this clock is ahead of the one they are told in. They may
        become more, and the offset another: what was told before is told anew. For a region of an
        arena ask for its `used_bytes` first, then for its `instants`. No GIL while comparing.
        """
        cdef bint done
        if n_bytes > self.n_bytes:
            raise ValueError(f"the memory has {self.n_bytes} bytes, not {n_bytes}")
        if self.looking:
            raise RuntimeError("another thread takes these changes")
        self.looking = True
        try:
            if instants != self.instants:
                self.know(instants)
            with nogil:
                done = look(&self.followed, (n_bytes + WORD_BYTES - 1) // WORD_BYTES, offset_ns)
            if not done:
                raise MemoryError
            return PyBytes_FromStringAndSize(<char *>self.followed.changes,
                                             <Py_ssize_t>self.followed.n_bytes)
        finally:
            self.looking = False

    cdef int know(self, tuple instants) except -1:
        """Words that are instants from now on, too; what was sent of them stays known."""
        cdef Followed *followed = &self.followed
        cdef size_t i, word
        cdef void *larger
        sent = {followed.instants[i].word: followed.instants[i].sent
                for i in range(followed.n_instants)}
        for offset in instants:
            if offset % WORD_BYTES or not 0 <= offset < self.n_bytes:
                raise ValueError(f"no word of this memory is at {offset}")
            word = offset // WORD_BYTES
            if word not in sent:
                sent[word] = followed.shadow[word]
        larger = realloc(followed.instants, (len(sent) + 1) * sizeof(Instant))
        if larger == NULL:
            raise MemoryError
        followed.instants = <Instant *>larger
        followed.n_instants = len(sent)
        for i, word in enumerate(sorted(sent)):
            followed.instants[i].word = word
            followed.instants[i].sent = sent[word]
        self.instants = instants
        return 0


cdef inline const uint8_t *get(const uint8_t *at, const uint8_t *end,
                               uint64_t *number) noexcept nogil:
    """Read one number; where it ends, NULL when it is cut."""
    cdef size_t n = 0
    number[0] = 0
    while at < end:
        if n == LONGEST_NUMBER - 1:
            number[0] |= <uint64_t>at[0] << (7 * n)
            return at + 1
        number[0] |= <uint64_t>(at[0] & 0x7F) << (7 * n)
        if not at[0] & 0x80:
            return at + 1
        n += 1
        at += 1
    return NULL


cdef inline bint hold(const uint8_t *at, const uint8_t *end, size_t n_words) noexcept nogil:
    """Whether changes are whole, and of that many words at most."""
    cdef uint64_t gap, by
    cdef size_t word = 0
    while at < end:
        at = get(at, end, &gap)
        if at == NULL or gap >= n_words - word:
            return False
        at = get(at, end, &by)
        if at == NULL:
            return False
        word += gap + 1
    return True


cdef inline void grow(uint64_t *memory, const uint8_t *at, const uint8_t *end,
                      bint head) noexcept nogil:
    """Apply changes of the first words, or of all others."""
    cdef uint64_t gap, by
    cdef size_t word = 0
    while at < end:
        at = get(get(at, end, &gap), end, &by)
        word += gap
        if (word < HEAD_WORDS) == head:
            store(&memory[word], memory[word] + ((by >> 1) ^ (0 - (by & 1))), RELEASE)
        word += 1


def apply_changes(view, changes):
    """Add what `MemoryChanges.take` found to memory that held the same before.

    The first 64 bytes come last: they count what stands behind them. Raises ValueError, and writes
    nothing, when `changes` are cut or lead outside `view`, a writable buffer of aligned words.
    """
    cdef Py_buffer memory, told
    cdef const uint8_t *at
    cdef const uint8_t *end
    get_words(view, &memory, PyBUF_WRITABLE)
    try:
        PyObject_GetBuffer(changes, &told, PyBUF_SIMPLE)
        try:
            at = <const uint8_t *>told.buf
            end = at + told.len
            if not hold(at, end, memory.len // WORD_BYTES):
                raise ValueError("these changes are cut, or of other memory")
            grow(<uint64_t *>memory.buf, at, end, False)
            grow(<uint64_t *>memory.buf, at, end, True)
        finally:
            PyBuffer_Release(&told)
    finally:
        PyBuffer_Release(&memory)


cdef class _SharedBytes:
    """A piece of shared memory as a buffer; keeps its owner alive."""

    cdef object owner
    cdef void *data
    cdef Py_ssize_t n_bytes

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.data, self.n_bytes, 0, flags)


cdef object view_of(object owner, void *data, size_t n_bytes):
    """A writable memoryview of memory that lives as long as `owner`."""
    cdef _SharedBytes piece = _SharedBytes.__new__(_SharedBytes)
    piece.owner = owner
    piece.data = data
    piece.n_bytes = <Py_ssize_t>n_bytes
    return memoryview(piece)

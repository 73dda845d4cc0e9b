"""Intrusive first-in-first-out list: the node lives inside its owner, so nothing is allocated.

A `Node` must be the first member of its owner; a pointer to one is then a pointer to the other.
"""

cdef struct Node:
    Node *before
    Node *after

cdef struct Fifo:
    Node *first
    Node *last


cdef inline void push(Fifo *self, Node *node) noexcept nogil:
    node.after = NULL
    node.before = self.last
    if self.last != NULL:
        self.last.after = node
    else:
        self.first = node
    self.last = node


cdef inline void push_first(Fifo *self, Node *node) noexcept nogil:
    """The next one that `pop` gives."""
    node.before = NULL
    node.after = self.first
    if self.first != NULL:
        self.first.before = node
    else:
        self.last = node
    self.first = node


cdef inline void remove(Fifo *self, Node *node) noexcept nogil:
    if node.before != NULL:
        node.before.after = node.after
    else:
        self.first = node.after
    if node.after != NULL:
        node.after.before = node.before
    else:
        self.last = node.before


cdef inline Node *pop(Fifo *self) noexcept nogil:
    """The oldest node, taken out; NULL when empty."""
    cdef Node *node = self.first
    if node != NULL:
        remove(self, node)
    return node

# Part of _core.pyx: where the values of a feed are in its file, for `plan.pieces.Feed`.
#
# 1. A cell is 8 bytes: the begin of a value within the data in the upper 40 bits, its length in the
#    lower 24. Rows follow each other, each with the cells of all its columns.
# 2. CSV is RFC 4180's: what is in quotes may hold separators, line ends and doubled quotes. These
#    are decoded in place, which makes a value shorter; the rest of its place becomes spaces.
# 3. A line ends with LF, CR LF or CR; empty lines are no rows.

FEED_RULES = ("", "few", "many", "behind", "open", "long")
MAX_CELL_BYTES = (1 << 24) - 1

cdef enum FeedRule:
    RIGHT
    TOO_FEW                     # values in a row
    TOO_MANY
    BEHIND_QUOTE                # something stands between the closing quote and the separator
    NOT_CLOSED                  # a quote
    TOO_LONG                    # a value

cdef enum:
    CELL_BITS = 24
    NEW_LINE = 10
    RETURN = 13
    QUOTE = 34
    COMMA = 44

cdef struct Cells:
    uint8_t *data
    size_t n_bytes
    uint64_t *cells
    uint32_t columns
    uint64_t rows
    uint32_t *longest           # by column
    size_t at                   # where reading is, or the begin of what is wrong
    size_t begin                # of the value that was read last
    size_t end
    FeedRule wrong


cdef inline bint at_end_of_line(const Cells *self) noexcept nogil:
    return self.at == self.n_bytes or self.data[self.at] == NEW_LINE or self.data[self.at] == RETURN


cdef void read_quoted(Cells *self) noexcept nogil:
    """Read a value from its opening quote to what stands behind the closing one."""
    cdef uint8_t *data = self.data
    cdef size_t opening = self.at
    cdef size_t at = opening + 1
    cdef size_t to = at
    cdef const uint8_t *quote
    cdef size_t n_bytes
    self.begin = at
    while True:
        quote = <const uint8_t *>memchr(data + at, QUOTE, self.n_bytes - at)
        if quote == NULL:
            self.wrong = NOT_CLOSED
            self.at = opening
            return
        n_bytes = quote - (data + at)
        if to != at:
            memmove(data + to, data + at, n_bytes)
        to += n_bytes
        at += n_bytes + 1
        if at == self.n_bytes or data[at] != QUOTE:
            break
        data[to] = QUOTE
        to += 1
        at += 1
    if at - 1 != to:
        memset(data + to, 32, at - 1 - to)
    self.end = to
    self.at = at
    if at != self.n_bytes and data[at] != COMMA and not at_end_of_line(self):
        self.wrong = BEHIND_QUOTE


cdef void read_value(Cells *self, bint separated) noexcept nogil:
    """Read one value; with `separated` it ends at a comma and may be quoted."""
    cdef uint8_t byte
    if separated and self.at != self.n_bytes and self.data[self.at] == QUOTE:
        read_quoted(self)
    else:
        self.begin = self.at
        while self.at != self.n_bytes:
            byte = self.data[self.at]
            if byte <= COMMA and (byte == NEW_LINE or byte == RETURN
                                  or (byte == COMMA and separated)):
                break
            self.at += 1
        self.end = self.at
    if self.wrong == RIGHT and self.end - self.begin >= 1 << CELL_BITS:
        self.wrong = TOO_LONG
        self.at = self.begin


cdef void read_row(Cells *self, bint separated) noexcept nogil:
    """Read one row, to the begin of the next line."""
    cdef uint64_t *cells = self.cells + self.rows * self.columns
    cdef size_t first = self.at
    cdef uint32_t column = 0
    cdef uint32_t n_bytes
    while True:
        read_value(self, separated)
        if self.wrong != RIGHT:
            return
        if column == self.columns:
            self.wrong = TOO_MANY
            self.at = first
            return
        n_bytes = <uint32_t>(self.end - self.begin)
        cells[column] = <uint64_t>self.begin << CELL_BITS | n_bytes
        if n_bytes > self.longest[column]:
            self.longest[column] = n_bytes
        column += 1
        if at_end_of_line(self):
            break
        self.at += 1
    if column < self.columns:
        self.wrong = TOO_FEW
        self.at = first
        return
    self.rows += 1


cdef void read_rows(Cells *self, bint separated) noexcept nogil:
    while self.at != self.n_bytes and self.wrong == RIGHT:
        if at_end_of_line(self):
            self.at += 1
        else:
            read_row(self, separated)


def most_rows(const uint8_t[::1] data not None, size_t begin=0):
    """How many rows these lines hold at most."""
    cdef size_t at, count = 1
    cdef size_t n_bytes = data.shape[0]
    for at in range(begin, n_bytes):
        if data[at] == NEW_LINE or (data[at] == RETURN
                                    and (at + 1 == n_bytes or data[at + 1] != NEW_LINE)):
            count += 1
    return count


def index_rows(uint8_t[::1] data not None, uint8_t[::1] cells not None, uint32_t columns, *,
               size_t begin=0, bint separated=True):
    """Find the values of all rows from `begin` on; `cells` has room for `most_rows` of them.

    Returns how many rows there are, the longest value of each column, one of FEED_RULES that was
    broken ("" for none), and where.
    """
    cdef Cells found
    memset(&found, 0, sizeof(found))
    if begin > <size_t>data.shape[0] or columns == 0:
        raise ValueError("there is nothing to read")
    if <size_t>cells.shape[0] < most_rows(data, begin) * columns * sizeof(uint64_t):
        raise ValueError("there is no room for the rows")
    lengths = bytearray(columns * sizeof(uint32_t))
    found.longest = <uint32_t *><uint8_t *>lengths
    found.data = &data[0] if data.shape[0] else NULL
    found.n_bytes = data.shape[0]
    found.cells = <uint64_t *>&cells[0]
    found.columns = columns
    found.at = begin
    with nogil:
        read_rows(&found, separated)
    longest = tuple(found.longest[column] for column in range(columns))
    return found.rows, longest, FEED_RULES[found.wrong], found.at


def index_header(uint8_t[::1] data not None, uint8_t[::1] cells not None, uint32_t most, *,
                 size_t begin=0):
    """Find the values of one row, `most` at most.

    Returns how many there are, one of FEED_RULES that was broken ("" for none), and where the next
    line begins.
    """
    cdef Cells found
    memset(&found, 0, sizeof(found))
    if begin > <size_t>data.shape[0] or <size_t>cells.shape[0] < most * sizeof(uint64_t):
        raise ValueError("there is nothing to read, or no room for it")
    found.data = &data[0] if data.shape[0] else NULL
    found.n_bytes = data.shape[0]
    found.at = begin
    columns = 0
    while True:
        read_value(&found, True)
        if found.wrong == RIGHT and columns == most:
            found.wrong = TOO_MANY
        if found.wrong != RIGHT:
            break
        (<uint64_t *>&cells[0])[columns] = <uint64_t>found.begin << CELL_BITS | (
            found.end - found.begin)
        columns += 1
        if at_end_of_line(&found):
            break
        found.at += 1
    return columns, FEED_RULES[found.wrong], found.at


def first_with(const uint8_t[::1] data not None, const uint8_t[::1] cells not None,
               uint32_t columns, uint32_t column, bytes wrong not None):
    """The first row whose value of a column has one of the bytes of `wrong`, and where; or None."""
    cdef uint8_t table[256]
    cdef const uint64_t *cell
    cdef size_t row, at, end
    memset(table, 0, sizeof(table))
    for byte in wrong:
        table[<uint8_t>byte] = 1
    if cells.shape[0] == 0:
        return None
    cell = <const uint64_t *>&cells[0]
    for row in range(cells.shape[0] // (8 * columns)):
        at = cell[row * columns + column] >> CELL_BITS
        end = at + (cell[row * columns + column] & (1 << CELL_BITS) - 1)
        while at != end:
            if table[data[at]]:
                return row, at
            at += 1
    return None


def cells_fit(const uint8_t[::1] cells not None, tuple longest not None, uint64_t n_bytes):
    """Whether all cells lead into data of so many bytes, none longer than its column's longest."""
    cdef size_t width = len(longest)
    cdef size_t row, column
    cdef uint64_t most, length
    cdef const uint64_t *cell
    if width == 0 or cells.shape[0] % (8 * width):
        return False
    cell = <const uint64_t *>&cells[0] if cells.shape[0] else NULL
    for column in range(width):
        most = longest[column]
        for row in range(cells.shape[0] // (8 * width)):
            length = cell[row * width + column] & (1 << CELL_BITS) - 1
            if length > most or (cell[row * width + column] >> CELL_BITS) + length > n_bytes:
                return False
    return True


def index_objects(object load not None, object exact not None, list lines not None,
                  tuple columns not None, uint8_t[::1] cells not None):
    """Take the values of JSON objects, one a line, which `load` reads.

    `exact` reads a line again that has a number which `load` may have rounded: one of more than 64
    bits is floating point there.

    Returns the values as one text, how many rows there are, the longest value of each column, and
    what is wrong with a row: its line, the column and the value there, or the exception of `load`.
    """
    cdef bytearray out = bytearray()
    cdef uint64_t *cell = <uint64_t *>&cells[0] if cells.shape[0] else NULL
    cdef Py_ssize_t width = len(columns)
    cdef list longest = [0] * width
    cdef Py_ssize_t i, number, rows = 0
    cdef bytes text
    if cells.shape[0] < <Py_ssize_t>(len(lines) * width * sizeof(uint64_t)):
        raise ValueError("there is no room for the rows")
    for number in range(len(lines)):
        line = lines[number]
        if not line or line.isspace():
            continue
        try:
            found = load(line)
        except ValueError as error:
            return out, rows, tuple(longest), (number, None, error)
        if type(found) is not dict:
            return out, rows, tuple(longest), (number, None, found)
        for i in range(width):
            value = (<dict>found).get(columns[i], MISSING)
            if type(value) is float and not -ALL_WHOLE < value < ALL_WHOLE:
                value = exact(line)[columns[i]]
            if type(value) is str:
                text = (<str>value).encode("utf-8")
            else:
                text = scalar_text(value)
                if text is None:
                    return out, rows, tuple(longest), (number, columns[i], value)
            if len(text) > MAX_CELL_BYTES:
                return out, rows, tuple(longest), (number, columns[i], text)
            if len(text) > longest[i]:
                longest[i] = len(text)
            cell[rows * width + i] = <uint64_t>len(out) << CELL_BITS | <uint64_t>len(text)
            out += text
        rows += 1
    return out, rows, tuple(longest), None


cdef object MISSING = object()
cdef double ALL_WHOLE = 9007199254740992.0      # 2^53: above, floating point skips numbers


cdef bytes scalar_text(object value):
    """A number, true, false or null as JSON writes it; None for what is no such value."""
    if value is None:
        return b"null"
    if value is True or value is False:
        return b"true" if value else b"false"
    if isinstance(value, (int, float)):
        return repr(value).encode("ascii")
    return None

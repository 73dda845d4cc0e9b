# Part of _client.pyx: where the metrics of a worker are written, and how they are added up.

KINDS = ("counter", "gauge", "rate", "times", "trend", "requests", "named")
TIMES = ("http_req_duration", "http_req_blocked", "http_req_connecting",
         "http_req_tls_handshaking", "http_req_sending", "http_req_waiting",
         "http_req_receiving", "response")


cdef class Distribution:
    """Any numbers, log-linear: percentiles within 0.1 % of an exact sort (engine/trend.pxd)."""

    cdef trend.Trend *data

    def __cinit__(self):
        self.data = <trend.Trend *>kernel.map_zeros(sizeof(trend.Trend))
        if self.data == NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.data != NULL:
            kernel.munmap(self.data, sizeof(trend.Trend))

    @staticmethod
    def of(counts, double least, double most, double added):
        """The distribution of these counts by place, as `counts` returns them."""
        cdef Distribution out = Distribution()
        cdef uint32_t place
        for place, count in counts.items():
            if place >= trend.PLACES:
                raise IndexError(f"a distribution has {trend.PLACES} places")
            out.data.counts[place] = count
            out.data.count += count
        out.data.least, out.data.most, out.data.sum = least, most, added
        if counts:
            out.data.lowest, out.data.highest = min(counts), max(counts)
        return out

    def record(self, double value):
        """Count one value."""
        trend.record(self.data, value)

    def counts(self):
        """Counts that are not 0, in ascending order: {place: count}; see engine/trend.pxd."""
        cdef uint32_t i
        if not self.data.count:
            return {}
        return {i: self.data.counts[i] for i in range(self.data.lowest, self.data.highest + 1)
                if self.data.counts[i]}

    def add(self, Distribution other not None):
        """Merge `other` into this one."""
        trend.add(self.data, other.data)

    def since(self, Distribution earlier not None):
        """What was recorded after `earlier`, a copy of this one made before."""
        cdef Distribution out = Distribution()
        trend.difference(out.data, self.data, earlier.data)
        return out

    def percentile(self, double percent):
        """The value at `percent` (0 to 100); 0 when empty."""
        return trend.percentile(self.data, percent)

    @property
    def count(self):
        return self.data.count

    @property
    def min(self):
        return self.data.least

    @property
    def max(self):
        return self.data.most

    @property
    def sum(self):
        return self.data.sum


cdef class MetricSlot:
    """A place of the arena that one worker writes; keeps the arena alive."""

    cdef void *data
    cdef Arena home
    cdef arena.EntryKind kind


cdef class CounterSlot(MetricSlot):
    def add(self, double value):
        (<double *>self.data)[0] += value


cdef class GaugeSlot(MetricSlot):
    def add(self, double value):
        arena.gauge(<arena.Gauge *>self.data, value, kernel.now_ns())


cdef class RateSlot(MetricSlot):
    def add(self, bint passed):
        count_rate(self, passed)

    @property
    def address(self):
        """Of two words, for what counts without Python: how many passed, and of how many."""
        return <size_t>self.data


cdef void count_rate(RateSlot self, bint passed):
    cdef arena.Rate *rate = <arena.Rate *>self.data
    rate.passes += passed
    rate.total += 1


cdef class TimesSlot(MetricSlot):
    def add(self, uint64_t value_ns):
        hdr.record(<hdr.Hdr *>self.data, value_ns)


cdef class TrendSlot(MetricSlot):
    def add(self, double value):
        trend.record(<trend.Trend *>self.data, value)


cdef class RequestsSlot(MetricSlot):
    pass


cdef class NamedSlot(MetricSlot):
    pass


CELLS = (CounterSlot, GaugeSlot, RateSlot, TimesSlot, TrendSlot, RequestsSlot, NamedSlot)


cdef class MetricRegistry:
    """The append-only directory of one worker: the same kind, name and tags give the same cell."""

    cdef Arena home
    cdef arena.Region *region
    cdef dict cells

    cdef MetricSlot cell(self, int kind, str name, str tags):
        cdef MetricSlot found = self.cells.get((kind, name, tags))
        if found is not None:
            return found
        cdef bytes name_bytes = name.encode()
        cdef bytes tags_bytes = tags.encode()
        cdef arena.Entry *entry = arena.append(
            self.region, self.home.region_bytes, <arena.EntryKind>kind,
            <uint32_t>len(name_bytes), <uint32_t>len(tags_bytes))
        if entry == NULL:
            raise MemoryError(f"no room for the metric {name}: {len(self.cells)} are there")
        cdef char *text = <char *>entry + sizeof(arena.Entry)
        memcpy(text, <const char *>name_bytes, len(name_bytes))
        memcpy(text + len(name_bytes), <const char *>tags_bytes, len(tags_bytes))
        arena.publish(&self.region.entries, self.region.entries + 1, arena.RELEASE)
        found = CELLS[kind].__new__(CELLS[kind])
        found.home = self.home
        found.kind = <arena.EntryKind>kind
        found.data = <char *>entry + entry.data_offset
        self.cells[(kind, name, tags)] = found
        return found

    def counter(self, str name, str tags=""):
        return self.cell(arena.COUNTER, name, tags)

    def gauge(self, str name, str tags=""):
        return self.cell(arena.GAUGE, name, tags)

    def rate(self, str name, str tags=""):
        return self.cell(arena.RATE, name, tags)

    def times(self, str name, str tags=""):
        return self.cell(arena.TIMES, name, tags)

    def trend(self, str name, str tags=""):
        return self.cell(arena.TREND, name, tags)

    def requests(self, str name, str tags=""):
        return self.cell(arena.REQUESTS, name, tags)

    def named(self, str name, str tags=""):
        return self.cell(arena.NAMED, name, tags)


cdef Histogram with_times(Histogram found, const hdr.Hdr *times):
    """Add times to those found before, if there are any."""
    cdef Histogram out = Histogram() if found is None else found
    hdr.add(out.data, times)
    return out


cdef tuple newest(tuple one, tuple other):
    """The gauge that was set last, with the extremes of both."""
    if not one[3] or not other[3]:
        return one if one[3] else other
    last = one if one[3] > other[3] else other
    return last[0], min(one[1], other[1]), max(one[2], other[2]), last[3]


cdef object value_of(const arena.Entry *entry, object found):
    """The data of an entry as Python values, with what was found before it; see Arena.read."""
    cdef const void *data = <const char *>entry + entry.data_offset
    cdef const arena.Gauge *gauge = <const arena.Gauge *>data
    cdef const arena.Rate *rate = <const arena.Rate *>data
    cdef const arena.Requests *all = <const arena.Requests *>data
    cdef const arena.Named *named = <const arena.Named *>data
    cdef Distribution numbers
    if entry.kind == arena.COUNTER:
        return (<const double *>data)[0] + (found or 0)
    if entry.kind == arena.GAUGE:
        told = (gauge.value, gauge.least, gauge.most, gauge.at_ns)
        return told if found is None else newest(found, told)
    if entry.kind == arena.RATE:
        passes, total = found or (0, 0)
        return rate.passes + passes, rate.total + total
    if entry.kind == arena.TIMES:
        return with_times(found, <const hdr.Hdr *>data)
    if entry.kind == arena.TREND:
        numbers = Distribution() if found is None else found
        trend.add(numbers.data, <const trend.Trend *>data)
        return numbers
    before = found or {}
    if entry.kind == arena.NAMED:
        told = {"started": named.started, "reqs": named.reqs, "failed": named.failed,
                "answered": named.answered, "bytes_in": named.bytes_in,
                "bytes_out": named.bytes_out}
        told = {name: count + before.get(name, 0) for name, count in told.items()}
        told["duration"] = with_times(before.get("duration"), &named.duration)
        return told
    told = {"reqs": all.reqs, "failed": all.failed, "answered": all.answered,
            "bytes_in": all.bytes_in, "bytes_out": all.bytes_out}
    told = {name: count + before.get(name, 0) for name, count in told.items()}
    for place in range(arena.TIMINGS):
        told[TIMES[place]] = with_times(before.get(TIMES[place]), &all.times[place])
    return told

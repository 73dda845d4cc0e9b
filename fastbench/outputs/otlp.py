"""`-o otlp=URL`: OpenTelemetry's metrics over OTLP/HTTP, in k6's names and shapes.

1. A URL without a path gets /v1/metrics. Counters are monotonic sums, a rate is one sum told by the
   attribute `condition` (nonzero, zero), as k6 has it; times are histograms in ms with the bounds
   of `point.BOUNDS_S`. A script's own trend has no buckets: count, sum, min and max.
2. Sums are cumulative, or, with $OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta, what came
   since what the server took last: a message that was lost is in the next one.
3. Only 429, 502, 503 and 504 are tried again, after Retry-After; points that a server rejects one
   by one (partial success) are counted as lost. So says the specification.
4. service.name is $K6_OTEL_SERVICE_NAME, $OTEL_SERVICE_NAME or fastbench; $OTEL_RESOURCE_ATTRIBUTES
   adds others; $K6_OTEL_METRIC_PREFIX stands before names. For URL and headers see `environ`.

Messages are written by hand, in protobuf, the encoding that every receiver takes. opentelemetry-sdk
(1.45) was weighed and left: its instruments want each sample, so that of it only the exporter is of
use for a second's sums; that one tells of a failure in a log line, with no count and not in the
server's words, and looks for no rejected points; it waits and tries again by a clock of its own,
where an output must end with its run; and it brings a dozen packages and 0.1 s of start. Explicit
bounds instead of exponential ones: every backend draws them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence

from fastbench import __version__
from fastbench.outputs import otlp_message, output_environment, protobuf_wire
from fastbench.outputs.http_client import Answer, taken
from fastbench.outputs.otlp_message import Cell, Sample, Series
from fastbench.outputs.output_environment import ServerOutput
from fastbench.outputs.point import BOUNDS_S, Frame, OutputError, Point, clean

PATH = "/v1/metrics"
LATER = frozenset({429, 502, 503, 504})
MS = 1000
_BOUNDS_MS = tuple(float(f"{bound * MS:g}") for bound in BOUNDS_S)
_UNITS = {"time": "ms", "data": "By"}
_HEADERS = {"Content-Type": "application/x-protobuf"}
_PREFERENCE = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"


class OtlpOutput(ServerOutput):
    """Post frames as ExportMetricsServiceRequest."""

    sort = "otlp"
    wants_buckets = True

    def __init__(
        self, where: str, shown: str, environment: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(where, shown, environment)
        environment = self._environment
        path = self._remote.path if self._remote.path.strip("/") else PATH
        self._path = f"{path}{self._query}"
        self._prefix = environment.get("K6_OTEL_METRIC_PREFIX", "")
        self._delta = environment.get(_PREFERENCE, "").lower() in ("delta", "lowmemory")
        self._resource = clean(_resource(environment))
        self._start_ns = 0
        self._last: dict[tuple[str, Cell], Sample] = {}  # cumulative, as the server took it

    def write(self, frames: Sequence[Frame]) -> None:
        """Post the points of all frames in one message; the same again means the same."""
        metrics: dict[Series, list[tuple[Cell, Sample]]] = {}
        told: dict[tuple[str, Cell], Sample] = {}
        for frame in frames:
            self._start_ns = self._start_ns or frame.at_ns - round(frame.t_s * 1e9)
            for point in frame.points:
                series = Series(self._prefix + point.name, _UNITS.get(point.kind.contains, ""))
                for cell, sample in cells(point, self._start_ns, frame.at_ns):
                    key = (series.name, cell)
                    before = told.get(key) or self._last.get(key)
                    told[key] = sample
                    if self._delta and sample.shape != "gauge":
                        if before is not None and before.count == sample.count:
                            continue
                        sample = sample if before is None else sample.since(before)
                    metrics.setdefault(series, []).append((cell, sample))
        if metrics:
            temporality = otlp_message.DELTA if self._delta else otlp_message.CUMULATIVE
            body = otlp_message.request(self._resource, __version__, metrics, temporality)
            answer = self._remote.ask(self._path, body, _HEADERS)
            if not 200 <= answer.status <= 299:
                self._refused(answer)
            if self._delta:
                self._last.update(told)
            self._partial(answer)

    def _refused(self, answer: Answer) -> None:
        """Raise OutputError with what the server says: google.rpc.Status, or text of a proxy."""
        said = dict(protobuf_wire.fields(answer.body)).get(2)
        text = self._remote.shown(said.decode(errors="replace")) if isinstance(said, bytes) else ""
        taken(Answer(answer.status, b"", text or answer.text, answer.after_s), LATER)

    def _partial(self, answer: Answer) -> None:
        """Raise OutputError for points that were rejected while others were taken."""
        partial = dict(protobuf_wire.fields(answer.body)).get(1, b"")
        found = dict(protobuf_wire.fields(partial)) if isinstance(partial, bytes) else {}
        rejected, said = found.get(1), found.get(2)
        if isinstance(rejected, int) and rejected:
            text = said.decode(errors="replace") if isinstance(said, bytes) else ""
            why = self._remote.shown(text) or "it gave no reason"
            raise OutputError(f"it rejected some points: {why}", points=rejected)


def cells(point: Point, start_ns: int, at_ns: int) -> Iterator[tuple[Cell, Sample]]:
    """Return what a point is in OpenTelemetry, since the start: attributes, and a value each."""
    total = point.total
    kind = point.kind.type
    if kind == "gauge":
        yield point.tags, Sample("gauge", 0, at_ns, total["value"])
    elif kind == "counter":
        yield point.tags, Sample("sum", start_ns, at_ns, total["count"])
    elif kind == "rate":
        for condition, name in (("nonzero", "passes"), ("zero", "fails")):
            tags = dict(point.tags) | {"condition": condition}
            cell = tuple(sorted(tags.items()))
            yield cell, Sample("whole", start_ns, at_ns, int(total[name]))
    else:
        count = int(total["count"])
        yield (
            point.tags,
            Sample(
                "histogram",
                start_ns,
                at_ns,
                count,
                total=None if count and total["min"] < 0 else point.sum,
                extremes=(total["min"], total["max"]) if count else (),
                bounds=_BOUNDS_MS if point.buckets else (),
                buckets=_each(point.buckets, count),
            ),
        )


def _each(up_to: Sequence[int], count: int) -> tuple[int, ...]:
    """Return how many samples each bucket has, from how many lie up to each bound."""
    if not up_to:
        return ()
    return tuple(b - a for a, b in zip((0, *up_to), (*up_to, count), strict=True))


def _resource(environment: Mapping[str, str]) -> dict[str, str]:
    """Say who measured: an instance of its own per run, so that sums are never mixed."""
    names = ("K6_OTEL_SERVICE_NAME", "OTEL_SERVICE_NAME")
    service = next((value for name in names if (value := environment.get(name))), "")
    found = {
        "service.name": "fastbench",
        "service.version": environment.get("K6_OTEL_SERVICE_VERSION") or __version__,
        "service.instance.id": str(uuid.uuid4()),
        **output_environment.pairs("OTEL_RESOURCE_ATTRIBUTES", environment),
    }
    return found | ({"service.name": service} if service else {})

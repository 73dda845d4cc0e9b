"""k6's habits of naming a server and its password: in the environment, and never shown."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from points import FRAMES, Reply, Taken, taking
from running import ONE, fastbench
from servers import Server, answering

from fastbench.foundation.usage_error import UsageError
from fastbench.outputs import output_environment, output_flags
from fastbench.outputs.influxdb import InfluxOutput
from fastbench.outputs.otlp import OtlpOutput
from fastbench.outputs.point import OutputError
from fastbench.outputs.queue import Output

WRITE = "/write?db=k6&precision=ns"


@pytest.mark.parametrize(
    ("sort", "environment", "where"),
    [
        ("influxdb", {}, "http://localhost:8086"),
        ("influxdb", {"K6_INFLUXDB_ADDR": "https://db/"}, "https://db"),
        ("influxdb", {"K6_INFLUXDB_ADDR": "http://db", "K6_INFLUXDB_DB": "x"}, "http://db/x"),
        (
            "influxdb",
            {"K6_INFLUXDB_BUCKET": "b c", "K6_INFLUXDB_ORGANIZATION": "o"},
            "http://localhost:8086/api/v2/write?org=o&bucket=b+c",
        ),
        ("prometheus", {}, "http://localhost:9090/api/v1/write"),
        ("prometheus", {"K6_PROMETHEUS_RW_SERVER_URL": "http://p/w"}, "http://p/w"),
        ("otlp", {}, "http://localhost:4318/v1/metrics"),
        ("otlp", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://o/"}, "http://o/v1/metrics"),
        ("otlp", {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://o/m"}, "http://o/m"),
        (
            "otlp",
            {
                "K6_OTEL_HTTP_EXPORTER_ENDPOINT": "o:1",
                "K6_OTEL_HTTP_EXPORTER_URL_PATH": "/x",
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other",
            },
            "https://o:1/x",
        ),
        (
            "otlp",
            {
                "K6_OTEL_HTTP_EXPORTER_ENDPOINT": "o:1",
                "K6_OTEL_HTTP_EXPORTER_INSECURE": "true",
            },
            "http://o:1/v1/metrics",
        ),
    ],
)
def test_a_server_without_a_url_is_where_the_environment_says(
    sort: str, environment: dict[str, str], where: str
) -> None:
    assert output_environment.where(sort, environment) == where


@pytest.mark.parametrize("word", ["influxdb", "influxdb=", "xk6-influxdb"])
def test_words_may_leave_the_url_out(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K6_INFLUXDB_ADDR", "http://me:hidden@db:8086")
    (found,) = output_flags.parse([word])
    assert (found.sort, found.where) == ("influxdb", "http://me:hidden@db:8086")
    assert found.shown == "influxdb=http://***@db:8086"


def sent(output: Output, taken: Taken) -> dict[str, str]:
    """Write through an output; return the headers that came."""
    output.write(FRAMES)
    output.close()
    return taken.seen[-1][1]


def test_influxdb_has_user_and_database_from_the_environment() -> None:
    user = {"K6_INFLUXDB_USERNAME": "me", "K6_INFLUXDB_PASSWORD": "secret"}
    with taking() as taken:
        headers = sent(InfluxOutput(taken.url, "", {**user, "K6_INFLUXDB_DB": "load"}), taken)
        assert headers["Authorization"] == "Basic bWU6c2VjcmV0"
        assert taken.seen[-1][0] == "/write?db=load&precision=ns"
        # What stands in the URL goes before it.
        url = taken.url.replace("://", "://you:other@") + "/k6"
        headers = sent(InfluxOutput(url, "", {**user, "K6_INFLUXDB_DB": "load"}), taken)
        assert headers["Authorization"] == "Basic eW91Om90aGVy"
        assert taken.seen[-1][0] == WRITE


def test_influxdb_2_has_its_token_from_the_environment() -> None:
    environment = {
        "K6_INFLUXDB_BUCKET": "b",
        "K6_INFLUXDB_ORGANIZATION": "o",
        "K6_INFLUXDB_TOKEN": "t0ken-1",
        "INFLUX_TOKEN": "t0ken-2",
        "K6_INFLUXDB_PASSWORD": "of version 1",
    }
    with taking() as taken:
        where = output_environment.where("influxdb", {**environment, "K6_INFLUXDB_ADDR": taken.url})
        headers = sent(InfluxOutput(where, "", environment), taken)
        assert headers["Authorization"] == "Token t0ken-1"
        taken.answers = [Reply(401, b"t0ken-1 is unknown")]
        echoed = pytest.raises(OutputError, match=r"it answered 401: \*\*\* is unknown")
        with closing(InfluxOutput(where, "", environment)) as output, echoed:
            output.write(FRAMES)


def test_prometheus_has_user_token_and_headers_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("cramjam")
    with taking() as taken:
        monkeypatch.setenv("K6_PROMETHEUS_RW_SERVER_URL", f"{taken.url}/api/v1/write")
        monkeypatch.setenv("K6_PROMETHEUS_RW_USERNAME", "me")
        monkeypatch.setenv("K6_PROMETHEUS_RW_PASSWORD", "secret")
        monkeypatch.setenv("K6_PROMETHEUS_RW_HTTP_HEADERS", "X-Scope-OrgID:team,X-A: b")
        monkeypatch.setenv("K6_PROMETHEUS_RW_HEADERS_X-Mine", "yes")
        headers = sent(output_flags.parse(["experimental-prometheus-rw"])[0].open(), taken)
        assert headers["Authorization"] == "Basic bWU6c2VjcmV0"
        mine = (headers["X-Scope-OrgID"], headers["X-A"], headers["X-Mine"])
        assert mine == ("team", "b", "yes")
        monkeypatch.setenv("K6_PROMETHEUS_RW_BEARER_TOKEN", "b34rer")
        headers = sent(output_flags.parse(["prometheus"])[0].open(), taken)
        assert headers["Authorization"] == "Bearer b34rer"


def test_headers_of_k6_go_before_those_of_opentelemetry() -> None:
    environment = {"K6_OTEL_HEADERS": "api-key=one", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=two"}
    with taking() as taken:
        assert sent(OtlpOutput(taken.url, "", environment), taken)["api-key"] == "one"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("K6_PROMETHEUS_RW_HTTP_HEADERS", "s3cret", "is not written NAME:VALUE,NAME:VALUE"),
        ("K6_PROMETHEUS_RW_HTTP_HEADERS", "s3 cret:x", "HTTP cannot carry"),
        ("K6_PROMETHEUS_RW_HEADERS_X", "s3cret\nX-More: 1", "HTTP cannot carry"),
        ("K6_PROMETHEUS_RW_BEARER_TOKEN", "s3\xe9cret", "HTTP cannot carry"),
    ],
)
def test_variables_that_cannot_be_are_named_without_their_value(
    name: str, value: str, says: str
) -> None:
    with pytest.raises(UsageError) as refused:
        output_environment.access("prometheus", {name: value})
    assert says in str(refused.value) and f"${name}" in str(refused.value)
    assert "s3" not in str(refused.value)


def test_a_certificate_that_nobody_signed_is_taken_where_that_is_asked() -> None:
    name = "K6_PROMETHEUS_RW_INSECURE_SKIP_TLS_VERIFY"
    assert output_environment.access("prometheus", {name: "true"}).insecure
    assert not output_environment.access("prometheus", {name: "false"}).insecure


def test_a_run_finds_its_server_in_the_environment_and_hides_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with taking() as taken, Server(answering()) as server:
        taken.else_ = 401
        monkeypatch.setenv("K6_INFLUXDB_ADDR", taken.url)
        monkeypatch.setenv("K6_INFLUXDB_USERNAME", "me")
        monkeypatch.setenv("K6_INFLUXDB_PASSWORD", "hidden-word")
        run = fastbench("-o", "influxdb", "-n", "5", *ONE, server.url("/"))
    assert run.code == 0 and taken.seen[0][0] == WRITE
    (text,) = (row["text"] for row in run.document["warnings"] if row["code"] == "output_lost")
    assert f"-o influxdb={taken.url} did not get" in text and "it answered 401" in text
    assert "hidden-word" not in run.out + run.err + json.dumps(run.document)

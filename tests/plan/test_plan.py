"""plan.py: a wrong plan is one sentence that names the flag to change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Expect, Plan, Request, Target, Tls, check_header, check_method
from fastbench.plan.workload import MAX_TIMEOUT_S, Load, fit

LOAD = Load(
    connections=10,
    workers=None,
    duration_s=10.0,
    requests=None,
    pipeline=1,
    keepalive=True,
    retry=True,
    timeout_s=2.0,
    connect_timeout_s=2.0,
)
TARGET = Target("http", "localhost", 80, None, None, "http://localhost/")
REQUEST = Request("GET", b"/", (), None, "http://localhost/", 1)
TLS = Tls(verify=True, cafile=None, certfile=None, keyfile=None, servername="localhost")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"connections": 0}, "-c must be between 1 and 1000000, not 0."),
        ({"connections": 10**9}, "-c must be between 1"),
        ({"workers": 0}, "-t must be between 1 and 1024, not 0."),
        ({"workers": 2000}, "-t must be between"),
        ({"requests": 0}, "-n must be between 1"),
        ({"pipeline": 0}, "-p must be between 1 and 1024"),
        ({"pipeline": 2, "keepalive": False}, "leave --no-keepalive out"),
        ({"duration_s": 0.0}, "-d must be longer than 0"),
        ({"duration_s": 1e9}, "-d must be longer than 0 and at most 365d"),
        ({"duration_s": None}, "give -d DURATION or -n REQUESTS"),
        ({"timeout_s": 0.0}, "--timeout must be longer than 0 and at most 1h13m18s"),
        ({"timeout_s": MAX_TIMEOUT_S * 1.01}, "--timeout must be"),
        ({"connect_timeout_s": -1.0}, "--connect-timeout must be"),
    ],
)
def test_an_impossible_load_is_refused_with_the_flag_to_change(
    change: dict[str, object], sentence: str
) -> None:
    with pytest.raises(UsageError) as caught:
        replace(LOAD, **change)  # type: ignore[arg-type]
    assert sentence in str(caught.value)


def test_requests_alone_need_no_duration() -> None:
    assert replace(LOAD, duration_s=None, requests=5).requests == 5


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 50))
def test_connections_and_workers_never_exceed_what_they_serve(
    connections: int, workers: int, requests: int
) -> None:
    asked = replace(LOAD, connections=connections, workers=workers, requests=requests)
    load, notices = fit(asked)
    assert load.connections == min(connections, requests)
    assert load.workers == min(workers, load.connections)
    lowered = (load.connections < connections) + (load.workers < workers)
    assert len(notices) == lowered


def test_a_plan_needs_a_request() -> None:
    with pytest.raises(UsageError, match="no URL"):
        Plan(TARGET, (), LOAD, Expect(None, b""), (), 0, {})


def test_an_expected_body_does_not_go_with_head() -> None:
    head = replace(REQUEST, method="HEAD")
    with pytest.raises(UsageError, match="response to HEAD has no body"):
        Plan(TARGET, (REQUEST, head), LOAD, Expect(None, b"x"), (), 0, {})


def test_a_unix_socket_has_no_source_address() -> None:
    with pytest.raises(UsageError, match="leave --bind or --unix out"):
        Plan(
            replace(TARGET, unix_path="/s"),
            (REQUEST,),
            LOAD,
            Expect(None, b""),
            ("127.0.0.1",),
            0,
            {},
        )


@pytest.mark.parametrize("path", ["", "a\0b", "x" * 108, "é" * 54])
def test_a_unix_path_that_no_socket_can_have_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="--unix"):
        replace(TARGET, unix_path=path)


def test_a_unix_path_may_have_107_bytes() -> None:
    assert replace(TARGET, unix_path="x" * 107).unix_path == "x" * 107


@pytest.mark.parametrize("weight", [0, -1, 10_001])
def test_a_weight_is_bounded(weight: int) -> None:
    with pytest.raises(UsageError, match="weight must be between 1 and 10000"):
        replace(REQUEST, weight=weight)


@pytest.mark.parametrize(("method", "head_only"), [("GET", False), ("HEAD", True), ("PUT", False)])
def test_only_the_answer_to_head_has_no_body(method: str, head_only: bool) -> None:
    assert replace(REQUEST, method=method).head_only == head_only


def test_a_key_needs_its_certificate() -> None:
    with pytest.raises(UsageError, match="add --cert FILE"):
        replace(TLS, keyfile="key.pem")


# Methods and headers


@given(st.text(max_size=12), st.sampled_from("\r\n\0 \t:()\x7fé"), st.text(max_size=12))
def test_a_method_with_a_byte_that_splits_a_request_is_refused(a: str, bad: str, b: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_method(a + bad + b)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=12), st.sampled_from("\r\n\0 \t():,é"), st.text(max_size=12))
def test_a_header_name_is_a_token_or_refused(a: str, bad: str, b: str) -> None:
    with pytest.raises(UsageError, match="A header name has only letters"):
        check_header(a + bad + b, "x")


@given(st.text(max_size=12), st.sampled_from(["\r", "\n", "\0", "\r\n"]), st.text(max_size=12))
def test_a_header_value_with_a_line_break_or_nul_is_refused(a: str, bad: str, b: str) -> None:
    with pytest.raises(UsageError, match="X-A has a line break or NUL") as caught:
        check_header("X-A", f"secret-{a}{bad}{b}")
    assert "secret-" not in str(caught.value)


def test_a_header_value_is_trimmed_and_otherwise_kept() -> None:
    assert check_header("X-A", " \t é \x01 b ") == ("X-A", "é \x01 b")


def test_connect_is_refused() -> None:
    with pytest.raises(UsageError, match="CONNECT opens a tunnel"):
        check_method("CONNECT")

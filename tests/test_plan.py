"""plan.py, urls.py, sources.py, tlsfiles.py: a wrong plan is one sentence, a right one is exact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from fastbench import sources, tlsfiles, urls
from fastbench.plan import (
    MAX_TIMEOUT_S,
    Expect,
    Load,
    Plan,
    Request,
    Target,
    Tls,
    UsageError,
    check_header,
    check_method,
    fit,
)

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
REQUEST = Request(b"GET / HTTP/1.1\r\n\r\n", "GET", "http://localhost/", 1)
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
    with pytest.raises(UsageError, match="answer to HEAD has no body"):
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


@pytest.mark.parametrize(
    ("method", "head_only", "idempotent"),
    [
        ("GET", False, True),
        ("HEAD", True, True),
        ("PUT", False, True),
        ("DELETE", False, True),
        ("POST", False, False),
        ("PATCH", False, False),
        ("BREW", False, False),
    ],
)
def test_a_request_knows_what_its_method_promises(
    method: str, head_only: bool, idempotent: bool
) -> None:
    request = replace(REQUEST, method=method)
    assert (request.head_only, request.idempotent) == (head_only, idempotent)


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


# URLs


@pytest.mark.parametrize(
    ("text", "host", "port", "path", "authority"),
    [
        ("http://localhost", "localhost", 80, b"/", "localhost"),
        ("HTTP://Localhost:80/", "Localhost", 80, b"/", "Localhost"),
        ("https://h", "h", 443, b"/", "h"),
        ("https://h:80/", "h", 80, b"/", "h:80"),
        ("http://h:443/x", "h", 443, b"/x", "h:443"),
        ("http://h:/x", "h", 80, b"/x", "h"),
        ("http://h?a=b", "h", 80, b"/?a=b", "h"),
        ("http://h#frag", "h", 80, b"/", "h"),
        ("http://h/a?b=c#d?e", "h", 80, b"/a?b=c", "h"),
        ("http://h/a//../b/%zz\t\"<>|{}\\", "h", 80, b"/a//../b/%zz\t\"<>|{}\\", "h"),
        ("http://h/é?q=ü", "h", 80, "/é?q=ü".encode(), "h"),
        ("http://h/\udcff", "h", 80, b"/\xff", "h"),
        ("http://127.0.0.1:8080/", "127.0.0.1", 8080, b"/", "127.0.0.1:8080"),
        ("http://[::1]/", "::1", 80, b"/", "[::1]"),
        ("http://[::1]:8080/x", "::1", 8080, b"/x", "[::1]:8080"),
        ("http://[fe80::1%25eth0]:81/", "fe80::1%eth0", 81, b"/", "[fe80::1]:81"),
        ("http://bücher.example/", "xn--bcher-kva.example", 80, b"/", "xn--bcher-kva.example"),
        ("http://a_b.example./", "a_b.example.", 80, b"/", "a_b.example."),
        ("http://h/?select=*&id=eq.7&order=at.desc", "h", 80,
         b"/?select=*&id=eq.7&order=at.desc", "h"),
    ],
)  # fmt: skip
def test_a_url_is_taken_apart(text: str, host: str, port: int, path: bytes, authority: str) -> None:
    url = urls.parse(text)
    assert (url.host, url.port, url.path, url.authority) == (host, port, path, authority)


@pytest.mark.parametrize(
    ("text", "userinfo"),
    [
        ("http://h/", None),
        ("http://u:p@h/", b"u:p"),
        ("http://u@h/", b"u"),
        ("http://u:a%40b%3A@h/", b"u:a@b:"),
        ("http://u:p@q@h/", b"u:p@q"),
    ],
)
def test_userinfo_is_decoded(text: str, userinfo: bytes | None) -> None:
    assert urls.parse(text).userinfo == userinfo


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "URL is empty"),
        ("localhost:8080/x", "write http://localhost:8080/x instead"),
        ("//h/x", "write http://h/x instead"),
        ("u:p@h/x", "write http://***@h/x instead"),
        ("ws://h/", "WebSockets are not spoken here; for the plain endpoint write http://"),
        ("wss://h/", "write https://"),
        ("unix:///run/s", "name the socket with --unix FILE"),
        ("ftp://h/", "only http:// and https://"),
        ("http://", "has no host"),
        ("http:///x", "has no host"),
        ("http://:80/", "has no host"),
        ("http://h:0/", "no number from 1 to 65535"),
        ("http://h:65536/", "no number from 1 to 65535"),
        ("http://h:8o/", "no number from 1 to 65535"),
        ("http://h:٣/", "no number from 1 to 65535"),
        ("http://::1/", "too many colons; an IPv6 address stands in brackets"),
        ("http://[::1", "has no end"),
        ("http://[::1]x/", "has no end"),
        ("http://[::g]/", "no valid IPv6 address"),
        ("http://[1.2.3.4]/", "no valid IPv6 address"),
        ("http://[fe80::1%25a/b]/", "has no end"),
        ("http://a..b/", "is no valid name"),
        ("http://-a/", "is no valid name"),
        ("http://h\\x/", "is no valid name"),
        ("http://{host}/", "is no valid name"),
        ("http://" + "a" * 64 + "/", "is no valid name"),
        ("http://" + "a." * 130 + "b/", "is no valid name"),
        ("http://\u2488.com/", "valid"),
        ("http://h/a b", "a space as %20"),
    ],
)
def test_a_wrong_url_is_refused_with_the_cure(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        urls.parse(text)
    assert sentence in str(caught.value)


@given(st.text(max_size=20), st.sampled_from(["\r", "\n", "\0", " ", "\r\n"]), st.text(max_size=20))
def test_a_url_with_a_byte_that_splits_a_request_is_refused(a: str, bad: str, b: str) -> None:
    with pytest.raises(UsageError) as caught:
        urls.parse(f"http://h/{a}{bad}{b}?token=s3cr3tHunter22")
    assert "s3cr3t" not in str(caught.value) and "\n" not in str(caught.value)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0 #"), max_size=40))
def test_path_and_query_are_kept_byte_for_byte(tail: str) -> None:
    assert urls.parse("http://h/" + tail).path == b"/" + tail.encode()


@given(st.text())
def test_any_text_is_a_url_or_one_sentence(text: str) -> None:
    for address in (text, "http://" + text, "http://[" + text, "http://h:" + text):
        try:
            url = urls.parse(address)
        except UsageError as error:
            assert str(error).endswith(".") and "\n" not in str(error)
        else:
            assert url.host and url.path.startswith(b"/")
            assert not set(url.path) & set(b"\r\n\0 #")
            url.host.encode("ascii")


# Lists of URLs


def entries(text: str) -> list[tuple[str, str, int]]:
    return [
        (line.method, line.url.path.decode(), line.weight)
        for line in urls.read_list(text.split("\n"), "urls.txt")
    ]


def test_a_list_takes_weight_method_and_url() -> None:
    text = (
        "# a mix\n\nhttp://h/a\n  POST http://h/b  \n3 http://h/c\r\n"
        "2\tDELETE\thttp://h/d\n#http://h/e\nget http://h/f#x"
    )
    assert entries(text) == [
        ("", "/a", 1),
        ("POST", "/b", 1),
        ("", "/c", 3),
        ("DELETE", "/d", 2),
        ("get", "/f", 1),
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("http://h/a\rb", "a carriage return or NUL inside the line"),
        ("http://h/a\0", "a carriage return or NUL inside the line"),
        ("X\rPOST http://h/", "a carriage return or NUL inside the line"),
        ("0 http://h/", "a weight is between 1 and 10000, not 0"),
        ("10001 http://h/", "a weight is between"),
        ("GET POST http://h/", "expected `[WEIGHT] [METHOD] URL`"),
        ("http://h/a b", "expected `[WEIGHT] [METHOD] URL`"),
        ("/relative", "starts with http://"),
        ("CONNECT http://h/", "CONNECT opens a tunnel"),
        ("3 GET", "starts with http://"),
    ],
)
def test_a_wrong_line_is_refused_with_its_number(line: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        entries(f"# first\nhttp://h/\n{line}\n")
    assert str(caught.value).startswith("urls.txt, line 3: ")
    assert sentence in str(caught.value)


def test_a_list_without_urls_is_refused() -> None:
    with pytest.raises(UsageError, match=r"urls\.txt has no URL"):
        entries("# nothing\n\n")


def test_a_list_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "MAX_LINES", 2)
    assert len(entries("http://h/1\nhttp://h/2")) == 2
    with pytest.raises(UsageError, match="more than 2 URLs; split the file"):
        entries("http://h/1\nhttp://h/2\nhttp://h/3")


@pytest.mark.parametrize("other", ["https://h/", "http://g/", "http://h:81/"])
def test_all_urls_of_a_run_share_one_server(other: str) -> None:
    first = urls.parse("http://u:pass@h/a")
    assert urls.one_server([first, urls.parse("http://h:80/b")]) is first
    with pytest.raises(UsageError, match="share scheme, host and port") as caught:
        urls.one_server([first, urls.parse(other)])
    assert other in str(caught.value) and "pass" not in str(caught.value)


# Source addresses


@pytest.mark.parametrize(
    ("texts", "addresses"),
    [
        ([], ()),
        (["127.0.0.1"], ("127.0.0.1",)),
        (["127.0.0.2-4"], ("127.0.0.2", "127.0.0.3", "127.0.0.4")),
        (["127.0.0.2-2,127.0.0.9", "::1"], ("127.0.0.2", "127.0.0.9", "::1")),
        (["127.0.0.1, 127.0.0.1"], ("127.0.0.1",)),
        (["0:0:0:0:0:0:0:1"], ("::1",)),
    ],
)
def test_source_addresses_are_lists_and_ranges(
    texts: list[str], addresses: tuple[str, ...]
) -> None:
    assert sources.parse(texts) == addresses


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "1.2.3", "1.2.3.4,", "127.0.0.9-2", "127.0.0.2-256", "127.0.0.2-x",
     "127.0.0.2-", "::1-5", "127.0.0.2-٣", "a\0b", "\udce9"],
)  # fmt: skip
def test_what_is_no_source_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--bind takes"):
        sources.parse([text])


def test_source_addresses_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_ADDRESSES", 3)
    with pytest.raises(UsageError, match="at most 3 addresses, not 4"):
        sources.parse(["127.0.0.1-4"])


def test_source_addresses_are_of_one_family() -> None:
    assert sources.family(()) == 0
    assert sources.family(["127.0.0.1", "127.0.0.2"]) == 4
    assert sources.family(["::1"]) == 6
    with pytest.raises(UsageError, match="mixes IPv4 and IPv6"):
        sources.family(["::1", "127.0.0.1"])


def test_an_address_of_another_machine_is_refused() -> None:
    sources.check(["127.0.0.1", "127.0.0.2"])
    with pytest.raises(UsageError, match=r"--bind 192\.0\.2\.1: cannot assign requested address"):
        sources.check(["192.0.2.1"])  # TEST-NET-1, RFC 5737


# TLS files


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pems")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name in ("one", "two"):
        issued = authority.issue_cert("localhost")
        issued.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
        issued.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        issued.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}.both"))
    (folder / "empty").write_bytes(b"")
    (folder / "broken").write_text("-----BEGIN CERTIFICATE-----\nzz\n-----END CERTIFICATE-----\n")
    return folder


def files(pems: Path, ca: str = "", cert: str = "", key: str = "") -> Tls:
    paths = [str(pems / name) if name else None for name in (ca, cert, key)]
    return replace(TLS, cafile=paths[0], certfile=paths[1], keyfile=paths[2])


def test_files_that_fit_are_accepted(pems: Path) -> None:
    tlsfiles.check(files(pems, "ca.pem", "one.pem", "one.key"))
    tlsfiles.check(files(pems, "", "one.both", "one.both"))


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("nowhere",), "--cacert cannot read `.*nowhere`: no such file or directory"),
        (("",  "nowhere", "one.key"), "--cert cannot read `.*nowhere`: no such file"),
        (("",  "one.pem", "nowhere"), "--key cannot read `.*nowhere`: no such file"),
        ((".",), "--cacert cannot read `.*`: is a directory"),
        (("empty",), "--cacert cannot use `.*empty`: it holds no PEM certificate"),
        (("broken",), "--cacert cannot use `.*broken`: .+; give PEM files"),
        (("",  "one.key", "one.key"), "--cert cannot use `.*one.key`: .+; give PEM files"),
        (("",  "one.pem", "two.key"), "key and certificate do not belong together"),
        (("",  "one.pem", "one.pem"), "--cert cannot use `.*one.pem`: .+; give PEM files"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused_with_the_reason(
    pems: Path, names: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        tlsfiles.check(files(pems, *names))


def test_an_encrypted_key_is_refused_without_asking_for_its_password(pems: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key((pems / "one.key").read_bytes(), None)
    (pems / "locked.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
    )
    with pytest.raises(UsageError, match="is encrypted; write a plain copy with"):
        tlsfiles.check(files(pems, "", "one.pem", "locked.key"))


def test_an_ipv4_address_is_told_from_a_name() -> None:
    assert urls.is_ipv4("127.0.0.1")
    assert not urls.is_ipv4("127.1.example")

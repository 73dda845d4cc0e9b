"""urls.py: a URL is sent as it was typed, or refused with the cure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench import textfile, urls
from fastbench.plan import UsageError


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
        for line in urls.read_list(textfile.lines(text), "urls.txt")
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
        ("http://h/a\0", "line break or NUL"),
        ("b\rhttp://h/a", "starts with http://"),
        ("http://h/a\u2028http://h/b c", "expected `[WEIGHT] [METHOD] URL`"),
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


def test_an_ipv4_address_is_told_from_a_name() -> None:
    assert urls.is_ipv4("127.0.0.1")
    assert not urls.is_ipv4("127.1.example")

"""urls.py: a URL is sent as it was typed, or refused with the cure."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import hostnames, text_file, url_list, urls


@pytest.mark.parametrize(
    ("text", "host", "port", "path", "authority"),
    [
        ("http://localhost", "localhost", 80, b"/", "localhost"),
        ("HTTP://Localhost:80/", "localhost", 80, b"/", "localhost"),
        ("https://h", "h", 443, b"/", "h"),
        ("https://h:80/", "h", 80, b"/", "h:80"),
        ("http://h:443/x", "h", 443, b"/x", "h:443"),
        ("http://h:/x", "h", 80, b"/x", "h"),
        ("http://h?a=b", "h", 80, b"/?a=b", "h"),
        ("http://h#frag", "h", 80, b"/", "h"),
        ("http://h/a?b=c#d?e", "h", 80, b"/a?b=c", "h"),
        ("http://h/a//../b/%zz%\"<>|{}\\", "h", 80, b"/a//../b/%zz%\"<>|{}\\", "h"),
        ("http://h/é?q=ü", "h", 80, b"/%C3%A9?q=%C3%BC", "h"),
        ("http://h/\udcff", "h", 80, b"/%FF", "h"),
        ("http://127.0.0.1:8080/", "127.0.0.1", 8080, b"/", "127.0.0.1:8080"),
        ("http://[::1]/", "::1", 80, b"/", "[::1]"),
        ("http://[::1]:8080/x", "::1", 8080, b"/x", "[::1]:8080"),
        ("http://[fe80::1%25eth0]:81/", "fe80::1%eth0", 81, b"/", "[fe80::1]:81"),
        ("http://bücher.example/", "xn--bcher-kva.example", 80, b"/", "xn--bcher-kva.example"),
        ("http://faß.example/", "xn--fa-hia.example", 80, b"/", "xn--fa-hia.example"),
        ("http://BÜCHER\u3002example/", "xn--bcher-kva.example", 80, b"/", "xn--bcher-kva.example"),
        ("http://_a.b%C3%BCcher.x/", "_a.xn--bcher-kva.x", 80, b"/", "_a.xn--bcher-kva.x"),
        ("http://127.1:81/", "127.0.0.1", 81, b"/", "127.0.0.1:81"),
        ("http://2130706433/", "127.0.0.1", 80, b"/", "127.0.0.1"),
        ("http://0x7F.1./", "127.0.0.1", 80, b"/", "127.0.0.1"),
        ("http://\uff11\uff127.0.0.1/", "127.0.0.1", 80, b"/", "127.0.0.1"),
        ("http://h:00080/", "h", 80, b"/", "h"),
        ("http://[0:0::0:A]/", "::a", 80, b"/", "[::a]"),
        ("http://[::1%lo]/", "::1%lo", 80, b"/", "[::1]"),
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
        ("http:/h:80/x", "write http://h:80/x instead"),
        ("HTTPS:h/x", "write https://h/x instead"),
        ("http//h/x", "write http://h/x instead"),
        ("://h/x", "write http://h/x instead"),
        ("/x", "write http://localhost:8080/x instead"),
        (":80/x", "write http://localhost:80/x instead"),
        ("mailto:a", "https://; for example"),
        ("http://a:s3cr/t@h/", "in a password, write / ? # and @ as %2F"),
        ("http://256.1.1.1/", "not a valid IPv4 address"),
        ("http://h.example.1/", "not a valid IPv4 address"),
        ("http://💩.example/", "not a valid domain name (IDNA 2008)"),
        ("http://h%0a/", "is not a valid name"),
        ("http://h/a\tb", "has a tab (U+0009, character 11)"),
        ("http://h/\x1b[31m", "has an escape (U+001B, character 10)"),
        ("http://h/\x7f", "has a control character (U+007F, character 10)"),
        ("ws://h/", "a WebSocket takes no requests here; for the plain endpoint write http://"),
        ("wss://h/", "write https://"),
        ("unix:///run/s", "name the socket with --unix FILE"),
        ("ftp://h/", "only http:// and https://"),
        ("http://", "has no host"),
        ("http:///x", "has no host"),
        ("http://:80/", "has no host"),
        ("http://h:0/", "not a number from 1 to 65535"),
        ("http://h:65536/", "not a number from 1 to 65535"),
        ("http://h:8o/", "not a number from 1 to 65535"),
        ("http://h:٣/", "not a number from 1 to 65535"),
        ("http://127.0.0.1:8080:80/", "has two ports, 8080 and 80; give one."),
        ("http://fe80:1:2/", "too many colons; write an IPv6 address in brackets"),
        ("http://::1/", "too many colons; write an IPv6 address in brackets"),
        ("http://[::1", "has no closing bracket"),
        ("http://[::1]8080/", "has no colon behind its ]"),
        ("http://[::g]/", "no valid IPv6 address"),
        ("http://[1.2.3.4]/", "no valid IPv6 address"),
        ("http://[fe80::1%25a/b]/", "has no closing bracket"),
        ("http://a..b/", "is not a valid name"),
        ("http://-a/", "is not a valid name"),
        ("http://h\\x/", "is not a valid name"),
        ("http://{host}/", "is not a valid name"),
        ("http://" + "a" * 64 + "/", "is not a valid name"),
        ("http://" + "a." * 130 + "b/", "is not a valid name"),
        ("http://\u2488.com/", "not a valid domain name"),
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


URL_TEXT = st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters=" #")


@given(st.text(URL_TEXT, max_size=40))
def test_path_and_query_are_kept_byte_for_byte_and_what_is_not_ascii_is_encoded(tail: str) -> None:
    sent = urls.parse("http://h/" + tail).path
    plain = "".join(c if c.isascii() else quote(c) for c in tail)
    assert sent == b"/" + plain.encode()


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
        for line in url_list.read(text_file.lines(text), "urls.txt")
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
        ("http://h/a\0", "has NUL (U+0000"),
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
    monkeypatch.setattr(url_list, "MAX_LINES", 2)
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


def test_urls_that_differ_in_writing_only_are_of_one_server() -> None:
    for one, other in (
        ("http://LocalHost/", "HTTP://localhost:80/x"),
        ("https://bücher.example", "https://XN--bcher-kva.Example:443/"),
        ("http://[0:0:0::1]/", "http://[::1]:80/"),
        ("http://127.1/", "http://u:p@127.0.0.1/"),
    ):
        assert urls.parse(one).origin == urls.parse(other).origin
    for one, other in (
        ("http://h./", "http://h/"),
        ("http://[fe80::1%25lo]/", "http://[fe80::1]/"),
        ("http://h/", "https://h:80/"),
    ):
        assert urls.parse(one).origin != urls.parse(other).origin


@pytest.mark.parametrize("text", ["https://[fe80::1%25eth0]/x", "http://h.:81", "http://127.1"])
def test_a_server_is_found_again_by_its_own_name(text: str) -> None:
    url = urls.parse(text)
    again = urls.parse(url.server)
    assert (again.origin, again.authority) == (url.origin, url.authority)


def test_an_address_is_told_from_a_name() -> None:
    assert hostnames.is_ipv4("127.0.0.1")
    assert not hostnames.is_ipv4("127.1.example")
    assert all(map(hostnames.is_address, ("127.0.0.1", "::1", "fe80::1%eth0")))
    assert not any(map(hostnames.is_address, ("localhost", "1.2.3.4.example", "")))


def test_a_certificate_knows_no_dot_at_the_end_and_no_zone() -> None:
    assert hostnames.servername("SRV.Bücher.example.") == "srv.xn--bcher-kva.example"
    assert hostnames.servername("[fe80::1%eth0]") == "fe80::1"


# Locations


@pytest.mark.parametrize(
    ("field", "url"),
    [
        ("/x", "http://h:80/x"),
        ("x", "http://h:80/a/x"),
        ("./x//y/", "http://h:80/a/x//y/"),
        ("../x", "http://h:80/x"),
        ("../../../x", "http://h:80/x"),
        ("/a/b/..", "http://h:80/a/"),
        ("/a/%2E%2e/./b/.", "http://h:80/b/"),
        ("?y", "http://h:80/a/b?y"),
        ("#f", "http://h:80/a/b?q=1"),
        (" /x#f?g ", "http://h:80/x"),
        ("//G:81/x", "http://G:81/x"),
        ("///g/x", "http://g/x"),
        ("http://g", "http://g"),
        ("HTTPS://g/x?y#z", "https://g/x?y"),
        ("http:/x", "http://h:80/x"),
        ("http:x", "http://h:80/a/x"),
        ("https:/g/x", "https://g/x"),
        ("\\\\g\\x", "http://g/x"),
        ("/a\\b?c\\d", "http://h:80/a/b?c\\d"),
        ("/a b\tc", "http://h:80/a%20bc"),
        ("/é".encode().decode("latin-1"), "http://h:80/%C3%A9"),
        (b"/\xe9".decode("latin-1"), "http://h:80/%E9"),
        ("http://bücher.x/".encode().decode("latin-1"), "http://b%C3%BCcher.x/"),
        ("/%c3?a=[1]", "http://h:80/%c3?a=[1]"),
        ("/x:y", "http://h:80/x:y"),
    ],
)
def test_a_location_leads_where_browsers_go(field: str, url: str) -> None:
    assert urls.join("http://h:80", "/a/b?q=1", field) == url


@pytest.mark.parametrize(
    ("field", "scheme"),
    [
        ("com.example.app:/oauth2redirect?code=1", "com.example.app:"),
        ("mailto:x@example.org", "mailto:"),
        ("javascript:alert(1)", "javascript:"),
        ("myapp://callback", "myapp:"),
        ("urn:ietf:wg:oauth:2.0:oob", "urn:"),
        ("localhost:80/x", "localhost:"),
    ],
)
def test_a_location_of_another_scheme_leads_nowhere(field: str, scheme: str) -> None:
    with pytest.raises(UsageError, match=f"its scheme is {scheme}, not http: or https:"):
        urls.join("http://h:80", "/", field)


# Words that lack their scheme


NO_URLS = (
    *("", "api", "/x", "./x.y", "../x", ":", ":x", "x.yml", "points.json", "urls.txt", "s.py"),
    *("logs.tar", "plan.jmx", "load.mjs", "load.cts", "rows.csv.bz2", "dump.sql"),
    *("http://h/", "http:/h", "mailto:x", "user@h.example", "h:", "h.example:x/", "a b.example"),
    *("h.example:80\n", "com.example.app:/x", "c:\\x.y", "1.5s", "99.9%", "p99<5.0", "10.5", "-c"),
)


@pytest.mark.parametrize(
    ("word", "url"),
    [
        ("localhost:8080/x", "http://localhost:8080/x"),
        (":8080/x?y", "http://localhost:8080/x?y"),
        ("example.com", "http://example.com"),
        ("shop.bz", "http://shop.bz"),
        ("example.com/a.json", "http://example.com/a.json"),
        ("127.0.0.1:80", "http://127.0.0.1:80"),
        ("[::1]:80", "http://[::1]:80"),
        ("[::1]", "http://[::1]"),
        ("api:3000", "http://api:3000"),
        ("localhost", "http://localhost"),
        ("localhost?x=http://y/", "http://localhost?x=http://y/"),
        ("points.json:80", "http://points.json:80"),
        *((word, None) for word in NO_URLS),
    ],
)
def test_http_is_glued_only_onto_what_has_a_host(word: str, url: str | None) -> None:
    assert urls.complete(word) == url

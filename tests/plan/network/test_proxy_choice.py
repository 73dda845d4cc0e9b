"""Which proxy serves whom: --proxy, the environment, NO_PROXY; see proxies.py."""

from __future__ import annotations

import pytest

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.network import proxies

HTTP = "http://proxy.test:3128"


@pytest.mark.parametrize(
    ("text", "shown", "login"),
    [
        (HTTP, HTTP, None),
        ("proxy.test:3128/", HTTP, None),
        ("HTTP://PROXY.test:3128", HTTP, None),
        ("http://user@proxy.test:3128", "http://***@proxy.test:3128", "user:"),
        ("http://a%40b:c%3Ad@proxy.test:1", "http://***@proxy.test:1", "a@b:c:d"),
        ("http://a:b@c@proxy.test:1", "http://***@proxy.test:1", "a:b@c"),
        ("socks5://127.1.2.3", "socks5://127.1.2.3:1080", None),
        ("socks5h://[::1]:9", "socks5h://[::1]:9", None),
        ("http://ü:ü@proxy.test:1", "http://***@proxy.test:1", "\xc3\xbc:\xc3\xbc"),
    ],
)
def test_a_proxy_is_read(text: str, shown: str, login: str | None) -> None:
    found = proxies.parse(text, "--proxy")
    assert (found.shown, found.login) == (shown, login)
    assert "user" not in repr(found) and "a@b" not in repr(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "takes the URL of a proxy"),
        ("http://proxy.test", "needs a port from 1 to 65535"),
        ("http://proxy.test:0", "needs a port"),
        ("http://proxy.test:70000", "needs a port"),
        ("http://proxy.test:80/path", "takes the URL of a proxy"),
        ("https://proxy.test:443", "TLS to a proxy is not supported; give its http:// port"),
        ("socks4://proxy.test:1", "is http://, socks5:// or socks5h://, not socks4://"),
        ("http://:hunter22@proxy.test:1", "user and password have 1 to 255 bytes"),
        (f"http://u:{'hunter22' * 40}@proxy.test:1", "user and password have 1 to 255 bytes"),
        ("http://u:hunter22@pro xy:1", "is not a valid name"),
    ],
)
def test_what_is_no_proxy_gets_a_sentence(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        proxies.parse(text, "--proxy")
    assert "hunter22" not in str(refused.value)


@pytest.mark.parametrize(
    ("environ", "http", "https"),
    [
        ({}, None, None),
        ({"http_proxy": HTTP}, HTTP, None),
        ({"HTTP_PROXY": HTTP}, HTTP, None),
        ({"HTTP_PROXY": HTTP, "REQUEST_METHOD": "GET"}, None, None),
        ({"http_proxy": HTTP, "REQUEST_METHOD": "GET"}, HTTP, None),
        ({"http_proxy": HTTP, "HTTP_PROXY": "other.test:1"}, HTTP, None),
        ({"HTTPS_PROXY": HTTP}, None, HTTP),
        ({"ALL_PROXY": "socks5h://s.test"}, "socks5h://s.test:1080", "socks5h://s.test:1080"),
        ({"all_proxy": "s.test:2", "https_proxy": HTTP}, "http://s.test:2", HTTP),
        ({"http_proxy": "", "HTTP_PROXY": HTTP}, HTTP, None),
    ],
)
def test_the_environment_is_read(
    environ: dict[str, str], http: str | None, https: str | None
) -> None:
    found = proxies.read("env", environ)
    shown = [each and each.shown for each in (found.http, found.https)]
    assert shown == [http, https]


def test_a_wrong_variable_is_named_without_its_value() -> None:
    with pytest.raises(UsageError, match="HTTPS_PROXY: TLS to a proxy") as refused:
        proxies.read("env", {"HTTPS_PROXY": "https://u:hunter22@proxy.test:1"})
    assert "hunter22" not in str(refused.value)


@pytest.mark.parametrize(
    ("exempt", "host", "direct"),
    [
        ("*", "any.test", True),
        ("shop.test", "shop.test", True),
        ("shop.test", "www.shop.test", True),
        (".shop.test", "www.shop.test", True),
        ("SHOP.test.", "www.shop.test", True),
        ("*.shop.test", "www.shop.test", True),
        ("*.shop.test", "workshop.test", False),
        ("*:8080", "any.test", True),
        ("*:80", "any.test", False),
        (":8080", "any.test", False),
        ("127.0.0.1:8080", "127.0.0.1", True),
        ("127.0.0.1:80", "127.0.0.1", False),
        ("127.0.0.0/8:80", "127.0.0.1", False),
        ("127.0.0.0/8:8080", "127.0.0.1", True),
        ("[fe80::]/10:8080", "fe80::5", False),
        ("[::1]:80", "::1", False),
        ("10.0.0.1/40", "10.0.0.1", False),
        ("shop.test", "workshop.test", False),
        ("a.test, b.test c.test", "c.test", True),
        ("a.test,,b.test", "c.test", False),
        ("shop.test:8080", "shop.test", True),
        ("shop.test:80", "shop.test", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.0/8", "127.9.9.9", True),
        ("10.0.0.0/8", "127.0.0.1", False),
        ("0.1", "127.0.0.1", False),
        ("::1", "::1", True),
        ("fe80::/10", "fe80::5%eth0", True),
        ("[::1]:8080", "::1", True),
        ("", "shop.test", False),
    ],
)
def test_who_is_exempt(exempt: str, host: str, direct: bool) -> None:
    found = proxies.read("env", {"http_proxy": HTTP, "no_proxy": exempt})
    assert (proxies.of(found, "http", host, 8080) is None) == direct
    assert proxies.of(found, "https", host, 8080) is None


def test_a_proxy_that_is_named_serves_all() -> None:
    found = proxies.read(HTTP, {"no_proxy": "*"})
    for scheme in ("http", "https"):
        assert proxies.of(found, scheme, "shop.test", 80) == proxies.parse(HTTP, "--proxy")

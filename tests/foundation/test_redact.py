"""redact.py: a secret never survives, and no control character reaches a terminal."""

from __future__ import annotations

import json
import time
import unicodedata
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastbench.foundation import redact

SECRET = "s3cr3tHunter22"
SECRET_HEADERS = (
    "Authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "X-Api-Key", "X-Auth-Token",
    "x-client-secret", "X-PASSWORD", "ApiKey",
)  # fmt: skip
SECRET_KEYS = (
    "api_key", "apikey", "key", "token", "access_token", "secret", "password", "sig", "signature",
    "API_KEY", "Token", "X-Amz-Signature", "refresh_token", "api%5Fkey",
)  # fmt: skip
names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)


@pytest.mark.parametrize("name", SECRET_HEADERS)
def test_the_value_of_a_secret_header_is_masked(name: str) -> None:
    assert redact.header(name, SECRET) == "***"


@pytest.mark.parametrize("name", ["Accept", "Host", "X-Request-Id", "Content-Type"])
def test_other_headers_are_shown(name: str) -> None:
    assert redact.header(name, "text/plain") == "text/plain"


def test_a_secret_in_the_url_of_a_header_is_masked() -> None:
    shown = redact.header("Referer", f"http://h/?token={SECRET}&page=2")
    assert shown == "http://h/?token=***&page=2"


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_the_value_of_a_secret_query_key_is_masked(key: str) -> None:
    assert redact.url(f"http://h/p?a=1&{key}={SECRET}&b=2") == f"http://h/p?a=1&{key}=***&b=2"


@pytest.mark.parametrize("key", ["page", "keyboard", "design", "monkey", "sort"])
def test_other_query_keys_are_shown(key: str) -> None:
    assert redact.url(f"http://h/p?{key}=7") == f"http://h/p?{key}=7"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://user:pw@h:80/x", "http://***@h:80/x"),
        ("https://token@h/", "https://***@h/"),
        ("http://u:p@q@h/", "http://***@h/"),
        ("http://u:p/q@h/", "http://***@h/"),
        ("http://u:p#q@h/", "http://***@h/"),
        ("http://u:p?q@h/", "http://***@h/"),
        ("http://h:80/@user?mail=a@b", "http://h:80/@user?mail=a@b"),
        ("http://[::1]:80/@user", "http://[::1]:80/@user"),
        ("http://h/x;token=abc", "http://h/x;token=abc"),
        ("http://h/?a=1;token=abc;d", "http://h/?a=1;token=***"),
        ("http://h/?token=a;b&c=1", "http://h/?token=***&c=1"),
        ("http://h/#access_token=abc", "http://h/#access_token=***"),
        ("http://h/?token=", "http://h/?token="),
        ("http://h/?q=a?b", "http://h/?q=a?b"),
    ],
)
def test_a_url_keeps_its_shape_without_its_secrets(address: str, shown: str) -> None:
    assert redact.url(address) == shown


@pytest.mark.parametrize(
    "words",
    [
        ["-a", f"user:{SECRET}"],
        [f"-auser:{SECRET}"],
        ["-ka", f"user:{SECRET}"],
        [f"-kauser:{SECRET}"],
        [f"-a=user:{SECRET}"],
        ["--auth", f"user:{SECRET}"],
        [f"--auth=user:{SECRET}"],
        ["--bearer", SECRET],
        [f"--bearer={SECRET}"],
        ["-H", f"Authorization: Bearer {SECRET}"],
        ["-H", f"Authorization=Bearer {SECRET}"],
        [f"-HCookie: sid={SECRET}"],
        [f"-H=X-Api-Key:{SECRET}"],
        ["--header", f"x-token: {SECRET}"],
        [f"--header=Set-Cookie: {SECRET}"],
        ["-H", f"Bearer {SECRET}"],
        [f"http://u:{SECRET}@h/"],
        [f"u:{SECRET}@h:80/x"],
        [f"http://h/?key={SECRET}"],
        [f"h/?key={SECRET}"],
        ["-b", f'{{"password": "{SECRET}"}}'],
        [f"-bpassword={SECRET}"],
        ["--data", f"user=u&token={SECRET}"],
        ["--data-urlencode", f"secret={SECRET}"],
        ["-F", f"api_key={SECRET}"],
        ["-d", f'{{"token":"{SECRET}"}}'],
        ["--token", SECRET],
        [f"--password={SECRET}"],
        ["--proxy", f"http://u:{SECRET}@proxy/"],
        ["--proxy", f"u:{SECRET}@proxy:1"],
        [f"--proxy=u:{SECRET}@proxy:1"],
        [f"--proxy=u:a/{SECRET}@proxy:1"],
        [f"--proxy=http://u:{SECRET}@proxy:1"],
        [f"-xu:{SECRET}@proxy:1"],
        [f'--other={{"token": "{SECRET}@{SECRET}"}}'],
    ],
)
def test_an_echoed_command_line_never_has_a_secret(words: list[str]) -> None:
    shown = redact.argv(["-c", "10", *words, "http://h/"])
    assert SECRET not in " ".join(shown)
    assert shown[:2] == ["-c", "10"] and shown[-1] == "http://h/"


def test_an_echoed_command_line_is_otherwise_unchanged() -> None:
    words = ["-c100", "-H", "Accept: x", "--key", "k.pem", "-b", "@f", "-D-", "-kL", "http://h/@a"]
    assert redact.argv(words) == words


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ('{"password": "a\\"b", "n": 1}', '{"password": "***", "n": 1}'),
        ('{"token":5}', '{"token":"***"}'),
        ("a=1;token=2 b", "a=1;token=*** b"),
        ("login:password=x&y=2", "login:password=***&y=2"),
        ("see http://u:p@h/?key=1, please", "see http://***@h/?key=*** please"),
        ("nothing to hide = here", "nothing to hide = here"),
    ],
)
def test_pairs_in_free_text_are_masked(words: str, shown: str) -> None:
    assert redact.text(words) == shown


def test_a_secret_that_a_server_echoes_is_masked_in_every_form() -> None:
    pair = b64encode(f"user:{SECRET}".encode()).decode()
    head = (
        f"GET /?token={quote(SECRET + '/')} HTTP/1.1\r\nHost: h\r\n"
        f"Authorization: Basic {pair}\r\nCookie: a=1; sid={SECRET[::-1]}"
    )
    secrets = redact.secrets_in(head, f'{{"password": "{SECRET}!"}}')
    echo = f"{pair} {SECRET} {SECRET}/ {SECRET}%2F {SECRET[::-1]} {SECRET}! user"
    shown = redact.values(echo, secrets)
    assert SECRET not in shown and SECRET[::-1] not in shown and pair not in shown
    assert shown.endswith("user")


def test_a_bearer_token_is_found_without_its_scheme() -> None:
    assert SECRET in redact.secrets_in(f"GET / HTTP/1.1\r\nAuthorization: Bearer {SECRET}")


def test_credentials_that_are_no_base64_do_not_stop_the_search() -> None:
    assert redact.secrets_in("GET / HTTP/1.1\r\nAuthorization: Basic \u00e9!") == (
        "Basic \u00e9!",
        "\u00e9!",
    )


@given(names, names, names)
def test_a_planted_secret_survives_nowhere(host: str, path: str, value: str) -> None:
    secret = f"{value}{SECRET}"
    for address in (
        f"http://{path}:{secret}@{host}/{path}",
        f"http://{host}/{path}?{path}=1&token={secret}",
        f"https://{host}?password={secret}#x",
        f"{host}/?sig={secret}&{path}",
        f"http://{host}:{secret}@{path}/?key={secret}",
    ):
        assert SECRET not in redact.url(address)
        assert SECRET not in " ".join(redact.argv(["-t2", address]))
        assert SECRET not in redact.text(f"cannot use `{address}`: why.")


@pytest.mark.parametrize("piece", ["x", "a=", '"', '\\"', "://", "http://a:", "@", "?", "a=b&"])
def test_long_text_is_redacted_in_no_time(piece: str) -> None:
    for length in (8000, 120_000):  # execve(2): one word has at most 128 KiB
        text = (piece * length)[:length] + f"?token={SECRET}"
        started_s = time.process_time()
        for shown in (redact.text(text), redact.url(text), redact.argv(["-b", text])[1]):
            assert SECRET not in shown
        assert time.process_time() - started_s < 2


@given(st.text())
@example("http://" + "@" * 50)
@example('"' * 50)
def test_any_text_can_be_redacted(text: str) -> None:
    for shown in (redact.url(text), redact.text(text), redact.header("Accept", text)):
        assert isinstance(shown, str)
    assert len(redact.argv([text, text])) == 2


@given(st.text(st.characters(), max_size=50))
@example("\x1b[31mred\x1b]0;title\x07\x9b2J\u202egnp.exe\u2028\ufeff\x00\x7f")
@example("\udce9")
def test_nothing_printable_moves_a_cursor_or_fails_to_encode(text: str) -> None:
    for lines in (False, True):
        shown = redact.printable(text, lines=lines)
        shown.encode("utf-8")
        controls = [c for c in shown if unicodedata.category(c) == "Cc"]
        assert set(controls) <= ({"\n", "\t"} if lines else set())


def test_printable_keeps_what_people_read() -> None:
    assert redact.printable("Grüße, 世界 🎉 ~") == "Grüße, 世界 🎉 ~"
    assert redact.printable("a\n\tb") == "ab"
    assert redact.printable("a\r\n\tb", lines=True) == "a\n\tb"
    assert redact.printable("\x1b[1mx\u202e\u200f\u2066") == "[1mx"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ('login(password="s3cret, too", user="u")', 'login(password="***", user="u")'),
        ("token = 's3cret' + x", "token = '***' + x"),
        ('token = secret_of(user="u")', 'token = secret_of(user="u")'),
        ('api_key="s3cret', 'api_key="***'),
        ("password='' or fail()", "password='' or fail()"),
    ],
)
def test_a_secret_in_the_source_of_a_script_is_masked(source: str, shown: str) -> None:
    assert redact.text(source) == shown


def test_a_document_that_is_looked_at_drives_no_terminal_and_says_the_same() -> None:
    said = ["\x1b[31m\x07", "a\x9bb\x7f", "\u202egnp.exe", "a\u2028b", "\U0001f600", '"\\\\u0041\n']
    document = json.dumps(said, ensure_ascii=False, indent=1).encode()
    escaped = redact.escaped_json(document)
    assert json.loads(escaped) == said and b"\n" in escaped
    assert redact.printable(escaped.decode(), lines=True) == escaped.decode()

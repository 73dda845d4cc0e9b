"""What each flag of curl is here: carried, of no meaning, or refused, see `TABLE`.

Sources: curl(1); what browsers copy (Chrome, Firefox, Safari).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

# FLAGS | VALUE | WHAT. A flag that takes a value says its name. WHAT is `= ` with the words of ours
# ({} is the value), `- ` of no meaning here, `! ` refused and why, `? ` left out with a notice, or
# the name of what the reader does with it.
TABLE = """
--url | URL | url
-X --request | METHOD | method
-H --header | HEADER | header
-d --data --data-ascii | TEXT | --data
--data-raw | TEXT | --data-raw
--data-binary | TEXT | --data-binary
--data-urlencode | TEXT | --data-urlencode
--json | TEXT | json
-F --form | FIELD | = --form {}
--form-string | FIELD | form_string
-G --get | | get
--url-query | TEXT | query
-I --head | | head
-T --upload-file | FILE | upload
-A --user-agent | NAME | = --user-agent {}
-e --referer | URL | referer
-b --cookie | COOKIES | cookie
-u --user | USER:PASSWORD | user
--oauth2-bearer | TOKEN | = --bearer {}
--basic | | -
-r --range | RANGE | range
--compressed | | compressed
-k --insecure | | = --insecure
--cacert | FILE | = --cacert {}
-E --cert | FILE | cert
--key | FILE | = --key {}
--cert-type --key-type | TYPE | pem
-m --max-time | SECONDS | = --timeout {}s
--connect-timeout | SECONDS | = --connect-timeout {}s
--connect-to | RULE | = --connect-to {}
--resolve | RULE | = --resolve {}
--unix-socket | PATH | = --unix {}
--abstract-unix-socket | NAME | = --unix @{}
--no-tcp-nodelay | | = --no-delay off
--interface | ADDRESS | = --bind {}
-4 --ipv4 | | = --ipv4
-6 --ipv6 | | = --ipv6
-g --globoff | | globoff
--http1.1 --no-alpn | | = --http1
--http2-prior-knowledge | | = --http2
-L --location | | = --follow
--location-trusted | | ? no secret goes to another server: redirects are not followed
--retry --retry-delay --retry-max-time | N | ? a failed request is an error and is not repeated
--retry-all-errors --retry-connrefused | | ? a failed request is an error and is not repeated
-c --cookie-jar | FILE | ? cookies of responses are not stored
--limit-rate | RATE | ? responses are read as fast as they come
-s --silent | | -
-S --show-error | | -
-v --verbose | | -
-i --include | | -
-# --progress-bar | | -
-f --fail | | -
-N --no-buffer | | -
-O --remote-name -J --remote-header-name -R --remote-time | | -
-q --disable | | -
-a --append | | -
--fail-with-body --fail-early --no-progress-meter --progress-meter --styled-output | | -
--no-styled-output --raw --tcp-nodelay --no-keepalive --trace-time --tcp-fastopen | | -
--suppress-connect-headers --remove-on-error --path-as-is --create-dirs --no-sessionid | | -
--http2 --no-npn --buffer --no-clobber --parallel --disallow-username-in-url | | -
-Z --parallel-immediate | | -
-o --output | FILE | -
-w --write-out | FORMAT | -
-D --dump-header | FILE | -
--trace --trace-ascii --stderr --output-dir --keepalive-time --max-redirs | VALUE | -
--happy-eyeballs-timeout-ms --expect100-timeout --max-filesize --noproxy | VALUE | -
-y --speed-time -Y --speed-limit | N | -
-x --proxy | URL | = --proxy {}
--socks5 | HOST | = --proxy socks5://{}
--socks5-hostname | HOST | = --proxy socks5h://{}
--preproxy --socks4 --socks4a | HOST | ! a proxy is http://, socks5:// or socks5h://
-U --proxy-user | USER:PASSWORD | ! write them into the URL of --proxy: http://USER:PASSWORD@HOST:PORT
--proxy-header --proxy-cacert | VALUE | ! a proxy gets user and password alone, without TLS
-K --config | FILE | ! a file of flags is not read; write them out
-z --time-cond | TIME | ! write -H 'If-Modified-Since: DATE'
-C --continue-at | OFFSET | ! write -r FIRST-LAST
--capath --crlfile --pinnedpubkey | PATH | ! use --cacert FILE
--pass | PHRASE | ! a key with a passphrase is not supported
--tls-max --ciphers --tls13-ciphers --curves | VALUE | ? version and cipher of TLS are negotiated
--tlsv1 --tlsv1.0 --tlsv1.1 --tlsv1.2 --tlsv1.3 -1 | | ? version and cipher of TLS are negotiated
--ssl --ssl-reqd --tlsv1-any | | ! it is of protocols other than HTTP
--digest | | = --digest
--ntlm --negotiate --anyauth | | ! only -u, --digest and --oauth2-bearer are supported
--aws-sigv4 | VALUE | = --aws-sigv4 {}
-0 --http1.0 --http3 --http3-only --http0.9 | | ! only HTTP/1.1 and HTTP/2 are supported
--tr-encoding | | ! bodies are asked for without a transfer coding
--doh-url --dns-servers --dns-interface | VALUE | ! use --resolve HOST:PORT:ADDRESS
--local-port | PORTS | ! use --interface ADDRESS
-: --next | | ! one request at a time; write several as lines of --urls-from-file
-h --help -V --version -M --manual | | ! it is of curl; see fastbench --help
"""


@dataclass(frozen=True, slots=True)
class CurlFlag:
    """One spelling: whether it takes a value, and what it is here (see `TABLE`)."""

    name: str
    valued: bool
    what: str


@cache
def all_flags() -> dict[str, CurlFlag]:
    """Return every known flag by its spelling."""
    return {flag.name: flag for flag in _rows()}


def _rows() -> Iterator[CurlFlag]:
    for line in TABLE.strip().splitlines():
        names, value, what = (cell.strip() for cell in line.split("|"))
        for name in names.split():
            yield CurlFlag(name, bool(value), what)

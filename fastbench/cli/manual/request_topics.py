"""Topics of `fastbench help`: what is sent, and how it gets there."""

REQUEST = """\
request: what is sent, and what counts as ok

  fastbench -X PUT -b '{"id": 1}' -T application/json URL
  fastbench -H 'X-Key: 1' -H @headers.txt URL
  fastbench -F file=@photo.jpg -F title=cat URL     a multipart form
  fastbench -a user:password URL                    and --digest, --bearer TOKEN
  fastbench --follow URL                            redirects, before the load
  fastbench --urls-from-file urls.txt               a mix, by weight
  fastbench curl 'https://app.test/api' -H 'accept: */*'      from a browser
  fastbench --expect-status 2xx --expect-body '"ok"' URL
  fastbench --debug URL                 send it once, and see all of it

A response counts as ok below status 400, or as --expect-status says, and only
with its whole body. What a server sends is read and dropped; --expect-body
looks into it."""

PLACEHOLDERS = """\
placeholders: requests that vary

  {{seq}}  {{seq:START:STEP:WIDTH}}     1, 2, 3, ..., unique over all workers
  {{uuid}}                              a UUID of version 4
  {{int:1:100}}  {{int:1:100:zipf}}     a whole number; few values often
  {{hex:16}}                            so many hexadecimal digits
  {{pick:a|b|c}}                        one of these texts
  {{now}}  {{now_ms}}                   the time when it was first sent
  {{env:NAME}}                          a variable of the environment
  {{column}}                            of a row of --feed FILE

  fastbench 'http://localhost:8080/items/{{int:1:1000}}?trace={{uuid}}'
  fastbench --feed users.csv -b '{"name": "{{name}}"}' -T application/json URL

They stand in URLs, values of headers, bodies, forms and --expect-body, and are
escaped for their place. --seed N makes the same requests again; --debug -n 3
shows three. \\{{ is literal; --raw sends all braces as they are."""

NETWORK = """\
network: timeouts, TLS, and where connections go

  fastbench --timeout 500ms URL                     no response in time: timeout
  fastbench -k https://localhost:8443/              a certificate of your own
  fastbench --cacert ca.pem --cert me.pem --key me.key https://app.test/
  fastbench --unix /run/app.sock http://localhost/
  fastbench --connect-to app.test:443:10.0.0.7:8443 https://app.test/
  fastbench --bind 10.0.0.0/28 URL                  more source addresses

All addresses of a name are loaded in turns; --one-address takes the first. No
local port left: add source addresses, or keep connections alive."""

PROXIES = """\
proxies: what is measured is then the server and the proxy before it

  fastbench --proxy http://user:password@proxy.test:3128 https://app.test/
  fastbench --proxy socks5h://127.0.0.1:1080 https://app.test/
  fastbench --proxy env https://app.test/           what HTTP_PROXY says

http:// over HTTP/1.1 is sent in absolute form, everything else goes through a
tunnel (CONNECT). With socks5:// names are looked up here, with socks5h:// by
the proxy. Without --proxy, connections go to the server itself, whatever the
environment says. The guide is docs/guides/proxies.md"""

HTTP2 = """\
http2: which version is spoken, and streams

  fastbench https://app.test/                       as the server chooses (ALPN)
  fastbench --http1 https://app.test/               HTTP/1.1 alone
  fastbench --http2 http://localhost:8080/          HTTP/2 without TLS
  fastbench -c10 -m100 https://app.test/            100 streams on each of 10

To http:// it is HTTP/1.1 unless --http2 is given. Requests in flight on each
connection are -m N (--streams N) over HTTP/2 and -p N over HTTP/1.1; a word
after -m is the method. The report says what was spoken and how many streams
the server allows. --debug shows every frame. The guide: docs/guides/http2.md"""

WEBSOCKET = """\
websocket: ws:// and wss://

  fastbench -c100 -d30s -b ping ws://localhost:8080/echo
  fastbench -c100 -R 1000 -b ping ws://localhost:8080/echo
  fastbench --ws-mode push -c1000 ws://localhost:8080/feed
  fastbench --ws-mode hold -c10k -d1m ws://localhost:8080/

echo sends the message of -b and waits for the next one; push receives what
comes; hold opens connections and keeps them. -p N are messages in flight, and
--binary sends binary ones. Scripts have vu.ws()."""

TOPICS = {
    "request": REQUEST,
    "placeholders": PLACEHOLDERS,
    "network": NETWORK,
    "proxies": PROXIES,
    "http2": HTTP2,
    "websocket": WEBSOCKET,
}

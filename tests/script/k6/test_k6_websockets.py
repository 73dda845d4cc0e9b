"""k6/websockets: the browser's WebSocket, many in one iteration, with k6's events and counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from embedded import serving
from k6_peer import run_k6
from running import fastbench
from servers import Peer, Server
from websocket_peers import PING, TEXT, accepted, answering, closing, framed, opened, received

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

SCRIPT = """
import { WebSocket } from 'k6/MODULE';
import ws from 'k6/ws';
export const options = { vus: 1, iterations: 1 };
const url = __ENV.URL.replace('http', 'ws');
const tell = (value) => console.log('TOLD' + JSON.stringify(value));
export default function () {
  const socket = new WebSocket(`${url}/ws/echo`, null, { tags: { name: 'echo' } });
  const heard = [socket.readyState, socket.binaryType, socket.url.endsWith('/ws/echo')];
  try { socket.send('early'); } catch (error) { heard.push(error.message); }
  try { socket.binaryType = 'text'; } catch (error) { heard.push(error.message); }
  socket.onopen = (event) => {
    heard.push(event.type, event.target === socket, socket.readyState);
    socket.send('one');
  };
  socket.addEventListener('message', async (event) => {
    if (typeof event.data === 'string') {
      heard.push(event.data);
      socket.ping();
    } else if (socket.binaryType === 'blob') {
      heard.push(event.data.size, String(event.data));
      event.data.text().then((text) => {
        heard.push(text);
        socket.binaryType = 'arraybuffer';
        socket.send(new Uint8Array([120, 7]));
      });
    } else {
      heard.push(new Uint8Array(event.data).join());
      socket.close(3001, 'done');
      heard.push(socket.readyState);
    }
  });
  socket.addEventListener('pong', () => {
    heard.push('pong');
    socket.send(new Uint8Array([104, 105]));
  });
  socket.addEventListener('nothing', () => {});
  socket.onerror = (event) => heard.push('error');
  socket.onclose = (event) => { heard.push(event.type, socket.readyState); tell(heard); };
  let refused = [];
  const lost = new WebSocket('ws://127.0.0.1:1/');
  lost.onerror = (event) => refused.push(event.type, typeof event.error, lost.readyState);
  lost.onclose = () => { refused.push('close'); tell(refused); };
  let closed = 0;
  for (let i = 0; i < 5; i++) {
    const each = new WebSocket(`${url}/ws/echo`);
    each.onopen = () => each.send(`${i}`);
    each.onmessage = () => each.close();
    each.onclose = (event) => { closed += 1; if (closed === 5) tell('all closed'); };
  }
}
"""


def told(text: str) -> list[Any]:
    lines = [line.partition("TOLD")[2] for line in text.splitlines() if "TOLD" in line]
    return sorted((json.loads(line.strip()) for line in lines), key=str)


@pytest.mark.parametrize("module", ["websockets", "experimental/websockets"])
def test_events_states_and_counts_are_those_of_k6(tmp_path: Path, module: str) -> None:
    path = tmp_path / "script.js"
    path.write_text(SCRIPT.replace("MODULE", module))
    with serving() as (_, url):
        ours = fastbench("run", str(path), "-e", f"URL={url}", "-t", "1")
        assert ours.document["exceptions"] == [], ours.document["exceptions"]
        heard = told(ours.err)
        assert [
            *(0, "blob", True, "InvalidStateError"),
            'unknown binaryType text, the supported ones are "blob" and "arraybuffer"',
            *("open", True, 1, "one", "pong", 2, "[object Blob]", "hi", "120,7", 2),
            *("close", 3),
        ] in heard
        assert ["error", "string", 3, "close"] in heard and "all closed" in heard
        metrics = ours.document["metrics"]
        counts = {name: metrics[name]["values"]["count"] for name in ("ws_sessions",)}
        counts["sent"] = metrics["ws_msgs_sent"]["values"]["count"]
        counts["received"] = metrics["ws_msgs_received"]["values"]["count"]
        assert counts == {"ws_sessions": 7, "sent": 8 + 1 + 6, "received": 8}  # a ping, six closes
        if module == "experimental/websockets":  # the one that k6 has had for long
            assert heard == told(run_k6(path, url))


def pinging(peer: Peer) -> None:
    peer.send(framed(PING, b"p"))
    assert received(peer) == (10, b"p"), "the ping is answered"
    peer.send(framed(TEXT, b"after"))
    answering(peer)


def test_pings_of_the_server_are_heard_by_both_modules(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_text("""
import { WebSocket, Blob } from 'k6/websockets';
import ws from 'k6/ws';
import { check } from 'k6';
const blob = new Blob(['é', new Uint8Array([7, 8]), new Blob(['x'])], { type: 't/x' });
export const options = { vus: 1, iterations: 2 };
export default function () {
  const heard = [];
  ws.connect(__ENV.URL, (socket) => {
    socket.on('ping', () => heard.push('ping'));
    socket.on('nothing', () => heard.push('nothing'));
    socket.on('message', (text) => { heard.push(text); socket.close(1008); });
    socket.on('close', (code) => heard.push(code));
  });
  const socket = new WebSocket(__ENV.URL);
  socket.onping = () => heard.push('ping');
  socket.onmessage = (event) => {
    heard.push(event.data);
    try { socket.close(999); } catch (error) { heard.push(/999 is neither/.test(error.message)); }
    socket.close();
  };
  socket.onclose = (event) => {
    check(blob, { blob: (b) => b.size === 5 && b.type === 't/x' && b.slice(2, 4).size === 2 });
    check(heard, { heard: (h) => h.join() === 'ping,after,1008,ping,after,true' });
  };
}
""")
    with Server(opened(pinging)) as server:
        url = server.url("").replace("http", "ws")
        found = fastbench("run", str(path), "-e", f"URL={url}", "-t", "1")
    checks = [(row["passes"], row["fails"]) for row in found.document["checks"]]
    assert checks == [(2, 0), (2, 0)], found.err


def test_a_close_by_the_server_and_an_exception_end_what_k6_ends(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_text("""
import { WebSocket } from 'k6/websockets';
export const options = { vus: 1, iterations: 2 };
export default function () {
  const socket = new WebSocket(__ENV.URL);
  let error = '';
  socket.onerror = (event) => { error = event.error; };
  socket.onclose = (event) => {
    console.log('TOLD' + JSON.stringify([event.code, event.reason, error.length > 0]));
    if (__ITER === 1) throw new Error('of the script');
  };
}
""")
    with Server(opened(lambda peer: peer.send(closing(4001, b"bye")))) as server:
        url = server.url("").replace("http", "ws")
        found = fastbench("run", str(path), "-e", f"URL={url}", "-t", "1")
    assert told(found.err) == [[4001, "bye", True], [4001, "bye", True]]
    (row,) = found.document["exceptions"]
    assert (row["type"], row["place"], row["count"]) == ("Error", "script.js:10", 1)


def test_the_jar_of_the_parameters_goes_along(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_text("""
import http from 'k6/http';
import ws from 'k6/ws';
import { WebSocket } from 'k6/websockets';
export const options = { vus: 1, iterations: 1 };
export default function () {
  const url = __ENV.URL.replace('ws', 'http');
  http.cookieJar().set(url, 'own', '1');
  const jar = new http.CookieJar();
  jar.set(url, 'other', '2');
  ws.connect(__ENV.URL, { jar }, (socket) => socket.close());
  ws.connect(__ENV.URL, {}, (socket) => socket.close());
  const socket = new WebSocket(__ENV.URL, null, { jar });
  socket.onopen = () => socket.close();
}
""")
    cookies: list[bytes] = []

    def keeping(peer: Peer) -> None:
        request = peer.request()
        cookies.append(request.partition(b"\r\nCookie: ")[2].partition(b"\r\n")[0])
        peer.send(accepted(request))
        answering(peer)

    with Server(keeping) as server:
        url = server.url("").replace("http", "ws")
        found = fastbench("run", str(path), "-e", f"URL={url}", "-t", "1")
    assert found.document["exceptions"] == []
    assert cookies == [b"other=2", b"own=1", b"other=2"]


def test_buffered_amount_and_the_stream_of_a_blob_are_those_of_k6(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_text("""
import { WebSocket, Blob } from 'k6/experimental/websockets';
export const options = { iterations: 1 };
export default function () {
  const socket = new WebSocket(__ENV.URL.replace('http', 'ws') + '/ws/echo');
  const log = [socket.bufferedAmount];
  let echoes = 0;
  socket.onopen = async () => {
    socket.send('ee');
    log.push(socket.bufferedAmount);
    socket.send(new Uint8Array(5).buffer);
    await null;
    log.push(socket.bufferedAmount);
  };
  socket.onmessage = () => {
    echoes += 1;
    if (echoes === 2) { log.push(socket.bufferedAmount); socket.close(); }
  };
  socket.onclose = async () => {
    const blob = new Blob(['x'.repeat(1500), '\u00e9']);
    log.push(await blob.slice(1499, 1502, 't').text(), blob.slice(1, 3, 'q').type);
    log.push((await blob.arrayBuffer()).byteLength);
    const reader = blob.stream().getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      log.push(value.length);
    }
    console.log('TOLD' + JSON.stringify(log));
  };
}
""")
    with serving() as (_, url):
        ours = fastbench("run", str(path), "-e", f"URL={url}", "-t", "1")
        assert told(ours.err) == [[0, 2, 7, 0, "x\u00e9", "q", 1502, 1024, 477, 0]]
        assert told(ours.err) == told(run_k6(path, url))


def test_buffered_amount_counts_what_the_server_does_not_take(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_text("""
import { WebSocket } from 'k6/websockets';
export const options = { iterations: 1 };
export default function () {
  const socket = new WebSocket(__ENV.URL);
  const log = [];
  socket.onopen = () => {
    for (let i = 0; i < 3; i++) socket.send(new Uint8Array(8 << 20));
    setTimeout(() => { log.push(socket.bufferedAmount); socket.send('go'); }, 0);
  };
  socket.onmessage = () => { log.push(socket.bufferedAmount); socket.close(); };
  socket.onclose = () => console.log('TOLD' + JSON.stringify(log));
}
""")

    def slow(peer: Peer) -> None:
        sizes = [len(received(peer)[1]) for _ in range(4)]
        assert sizes == [8 << 20] * 3 + [2]
        peer.send(framed(TEXT, b"all"))
        answering(peer)

    with Server(opened(slow)) as server:
        url = server.url("").replace("http", "ws")
        found = fastbench("run", str(path), "-e", f"URL={url}", "-t", "1")
    ((waiting, at_last),) = told(found.err)
    assert waiting in (16 << 20, 24 << 20) and at_last == 0


NOWHERE = """
import ws from 'k6/ws';
const urls = ['/path', '', 'ftp://127.0.0.1:1/', 'http://127.0.0.1:1/', 'ws://a b/', 'WSS:h'];
urls.push('ws://127.0.0.1:99999/');
export default function () {
  for (const url of urls) {
    const { status, error } = ws.connect(url, () => console.log('never'));
    console.log(`TOLD${status} ${error}`);
  }
}
"""
NO_ADDRESSES = [
    *["0 malformed ws or wss URL"] * 4,
    '0 parse "ws://a b/": invalid character " " in host name',
    "0 dial tcp: address 99999: invalid port",
]


@pytest.mark.parametrize("of_k6", [True, False])
def test_a_url_that_leads_nowhere_is_told_by_the_response(tmp_path: Path, of_k6: bool) -> None:
    path = tmp_path / "script.js"
    path.write_text(NOWHERE)
    said = run_k6(path, "") if of_k6 else fastbench("run", str(path)).err
    told = [line.removeprefix("TOLD") for line in said.splitlines() if line.startswith("TOLD")]
    assert [each for each in told if "no such host" not in each] == NO_ADDRESSES
    assert len(told) == len(NO_ADDRESSES) + 1

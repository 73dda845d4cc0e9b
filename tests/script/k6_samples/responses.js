// What a response is: types of bodies, JSON with selectors, headers, timings, the request.
import http from 'k6/http';
import { check } from 'k6';

export default function () {
  const url = `${__ENV.URL}/anything`;
  const response = http.post(`${url}?a=1&a=2&b=x`, JSON.stringify({ list: [{ id: 7 }, { id: 8 }] }), {
    headers: { 'Content-Type': 'application/json', 'X-One': 'one' },
  });
  check(response, {
    status: (r) => r.status === 200 && r.status_text === '200 OK',
    proto: (r) => r.proto === 'HTTP/1.1',
    url: (r) => r.url === `${url}?a=1&a=2&b=x`,
    type: (r) => r.headers['Content-Type'] === 'application/json; charset=utf-8',
    json: (r) => r.json().json.list.length === 2,
    'json by path': (r) => r.json('json.list.1.id') === 8,
    'json of all': (r) => JSON.stringify(r.json('json.list.#.id')) === '[7,8]',
    'json of a count': (r) => r.json('json.list.#') === 2,
    'json of nothing': (r) => r.json('json.absent') === undefined,
    'args twice': (r) => r.json('args.a').length === 2,
    timings: (r) => Object.values(r.timings).every((t) => t >= 0) && r.timings.duration > 0,
    'names of timings': (r) => Object.keys(r.timings).sort().join() ===
      'blocked,connecting,duration,looking_up,receiving,sending,tls_handshaking,waiting',
    error: (r) => r.error === '' && r.error_code === 0,
    request: (r) => r.request.method === 'POST' && r.request.url === r.url,
    'body sent': (r) => r.request.body === '{"list":[{"id":7},{"id":8}]}',
    'headers sent': (r) => r.request.headers['X-One'][0] === 'one',
    cookies: (r) => Object.keys(r.cookies).length === 0,
  });
  const none = http.get(url, { responseType: 'none' });
  const binary = http.get(`${__ENV.URL}/bytes/300`, { responseType: 'binary' });
  check(null, {
    none: () => none.body === null,
    binary: () => binary.body instanceof ArrayBuffer && binary.body.byteLength === 300,
    'each byte': () => new Uint8Array(binary.body)[255] === 255,
    'json of none': () => { try { none.json(); return false; } catch (e) { return true; } },
    'no json': () => {
      try { http.get(`${__ENV.URL}/pi.php`).json('a'); return true; } catch (e) { return /json/.test(e.message); }
    },
    'not json at all': () => {
      try { http.get(`${__ENV.URL}/`).json(); return false; } catch (e) { return e instanceof Error || true; }
    },
  });
  for (const coding of ['gzip', 'deflate']) {
    const decoded = http.get(`${__ENV.URL}/coded/${coding}`);
    check(decoded, { 'decoded body': (r) => r.body.startsWith('{"coded": true}') && r.body.length === 300 });
    const packed = http.post(url, 'packed '.repeat(50), { compression: coding });
    check(packed, {
      'packed body': (r) => r.json('data') === 'packed '.repeat(50),
      'its header': (r) => r.json('headers.Content-Encoding') === coding,
    });
  }
  const both = http.post(url, 'both', { compression: 'gzip, deflate' });
  check(both, { 'packed twice': (r) => r.json('data') === 'both' });
}

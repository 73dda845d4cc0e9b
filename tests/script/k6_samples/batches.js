// Many requests at once: lists, objects, every form of a request; asyncRequest beside them.
import http from 'k6/http';
import { check } from 'k6';

export const options = { iterations: 3, batch: 4, batchPerHost: 2 };

export default async function () {
  const url = __ENV.URL;
  const list = http.batch([
    `${url}/anything?n=0`,
    ['GET', `${url}/anything?n=1`],
    ['POST', `${url}/anything?n=2`, { f: 'v' }, { tags: { name: 'posted' } }],
    { method: 'PUT', url: `${url}/anything?n=3`, body: 'text', params: { headers: { 'X-B': 'b' } } },
    ['GET', `${url}/status/404`],
    http.url`${url}/anything?n=${5}`,
  ]);
  check(list, {
    'in their order': (l) => [0, 1, 2, 3].every((n) => l[n].json('args.n') === String(n)),
    'of their method': (l) => l[2].json('method') === 'POST' && l[3].json('method') === 'PUT',
    'with their body': (l) => l[2].json('form.f') === 'v' && l[3].json('data') === 'text',
    'with their headers': (l) => l[3].json('headers.X-B') === 'b',
    'failed among them': (l) => l[4].status === 404,
    'by a template': (l) => l[5].status === 200,
  });
  const named = http.batch({ one: `${url}/get`, two: { method: 'GET', url: `${url}/cookies` } });
  check(named, { 'by name': (n) => n.one.status === 200 && n.two.status === 200 });
  const later = await Promise.all([
    http.asyncRequest('GET', `${url}/delay/30`),
    http.asyncRequest('POST', `${url}/anything`, JSON.stringify({ a: 1 })),
  ]);
  check(later, { 'both came': (l) => l[0].json('waited') === true && l[1].json('json.a') === 1 });
  const lost = await http.asyncRequest('GET', 'http://127.0.0.1:1/', null, { tags: { name: 'lost' } });
  check(lost, { 'a lost one': (r) => r.status === 0 && r.error_code === 1212 });
  const thrown = await http.asyncRequest('GET', 'http://127.0.0.1:1/', null, { throw: true, tags: { name: 'lost' } })
    .catch((error) => error);
  check(thrown, { 'one that throws': (e) => e !== undefined && e.status === undefined });
  http.get(http.url`${url}/anything?id=${__ITER}`);
  http.get(url);
  http.get(`${url}?query=1`);
  http.get(url.replace('//', '//ann:secret@') + '/basic-auth/ann/secret');
}

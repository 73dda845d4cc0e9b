// Redirects: each hop counts, under its own URL; a limit; methods and bodies along the way.
import http from 'k6/http';
import { check } from 'k6';

export const options = {
  maxRedirects: 5,
  scenarios: { main: { executor: 'shared-iterations', vus: 2, iterations: 4 } },
  thresholds: { 'http_reqs{status:302}': ['count>1'], 'http_reqs{hop:all}': ['count==16'] },
};

export default function () {
  const url = __ENV.URL;
  const three = http.get(`${url}/redirect/3`, { tags: { hop: 'all' } });
  check(three, { followed: (r) => r.status === 200 && r.url === `${url}/get` });
  const none = http.get(`${url}/redirect/1`, { redirects: 0 });
  check(none, { 'not followed': (r) => r.status === 302 && r.headers['X-Hop'] === '1' });
  const some = http.get(`${url}/redirect/4`, { redirects: 2 });
  check(some, { 'followed twice': (r) => r.status === 302 && r.url === `${url}/redirect/2` });
  const limited = http.get(`${url}/redirect/8`);
  check(limited, { limited: (r) => r.status === 302 && r.url === `${url}/redirect/3` });
  const seen = http.post(`${url}/redirect-to?status=303&url=/anything`, { a: 1 });
  check(seen, { 'a post becomes a get': (r) => r.json('method') === 'GET' && r.json('data') === '' });
  const kept = http.post(`${url}/redirect-to?status=307&url=/anything`, { a: 1 });
  check(kept, { 'a post stays one': (r) => r.json('method') === 'POST' && r.json('data') === 'a=1' });
  const named = http.get(`${url}/redirect/1`, { tags: { name: 'named' } });
  check(named, { named: (r) => r.status === 200 });
}

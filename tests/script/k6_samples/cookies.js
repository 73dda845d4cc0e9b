// Cookies: of an answer, of a request, of a jar; forgotten after each iteration.
import http from 'k6/http';
import { check } from 'k6';

export const options = { scenarios: { main: { executor: 'per-vu-iterations', vus: 2, iterations: 2 } } };

export default function () {
  const url = __ENV.URL;
  const sent = () => http.get(`${url}/cookies`).json('cookies');
  check(sent(), { 'none at first': (c) => Object.keys(c).length === 0 });
  const set = http.get(`${url}/cookies/set?a=1&b=2`, { redirects: 0 });
  check(set, {
    'told by the answer': (r) => r.cookies.a[0].value === '1' && r.cookies.b[0].name === 'b',
    'with its path': (r) => r.cookies.a[0].path === '/' && r.cookies.a[0].secure === false,
  });
  check(sent(), { kept: (c) => c.a === '1' && c.b === '2' });
  const jar = http.cookieJar();
  check(jar.cookiesForURL(url), { 'in the jar': (c) => c.a[0] === '1' });
  jar.set(url, 'c', '3', { path: '/', max_age: 600 });
  jar.set(url, 'd', '4', { path: '/elsewhere' });
  check(sent(), { 'set by the script': (c) => c.c === '3' && c.d === undefined });
  const own = http.get(`${url}/cookies`, { cookies: { a: { value: '9', replace: true }, e: '5' } });
  check(own.json('cookies'), { 'of the request': (c) => c.a === '9' && c.e === '5' && c.b === '2' });
  check(sent(), { 'of that request only': (c) => c.a === '1' && c.e === undefined });
  const other = new http.CookieJar();
  other.set(url, 'own', 'yes');
  const alone = http.get(`${url}/cookies`, { jar: other });
  check(alone.json('cookies'), { 'another jar': (c) => c.own === 'yes' && c.a === undefined });
  jar.delete(url, 'b');
  check(sent(), { deleted: (c) => c.b === undefined && c.a === '1' });
  jar.clear(url);
  check(sent(), { cleared: (c) => Object.keys(c).length === 0 });
  jar.set(url, 'left', 'over');
}

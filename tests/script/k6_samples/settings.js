// Options that change what a request or an iteration is.
import http from 'k6/http';
import { check } from 'k6';

export const options = {
  vus: 1,
  iterations: 3,
  discardResponseBodies: true,
  minIterationDuration: '60ms',
  throw: true,
  userAgent: 'sample/1.0',
  noCookiesReset: true,
  noConnectionReuse: true,
};

export default function () {
  const url = __ENV.URL;
  check(http.get(`${url}/get`), { 'no body': (r) => r.body === null });
  const told = http.get(`${url}/anything`, { responseType: 'text' });
  check(told, { 'but where it is asked for': (r) => r.json('headers.User-Agent') === 'sample/1.0' });
  let thrown = '';
  try { http.get('http://127.0.0.1:1/'); } catch (error) { thrown = String(error); }
  check(thrown, { thrown: (text) => text.length > 0 });
  const cookies = http.get(`${url}/cookies`, { responseType: 'text' }).json('cookies');
  check(cookies, { 'cookies stay': (c) => (c.kept === undefined) === (__ITER === 0) });
  http.cookieJar().set(url, 'kept', 'yes');
}

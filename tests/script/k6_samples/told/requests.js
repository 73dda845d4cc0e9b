// What requests and responses are: forms, headers, bodies, redirects, callbacks, cookies, errors.
import http from 'k6/http';

const url = __ENV.URL;
const tell = (...values) => console.log('TOLD' + JSON.stringify(values).replaceAll(url, 'URL').replaceAll(url.slice(7), 'HOST'));
const caught = (call) => { try { const value = call(); return value === undefined ? 'undefined' : value; } catch (error) { return `${error.name}: ${error.message}`; } };
const failing = (call) => { try { call(); return 'none'; } catch (error) { return error.name; } };
const sorted = (object) => Object.fromEntries(Object.entries(object).sort());
const any = `${url}/anything`;
const sent = (response) => { const { method, form, data, args } = response.json(); return [method, sorted(form), data, args]; };
const header = (response, ...names) => names.map((name) => response.json('headers')[name]);

export const options = { iterations: 1, userAgent: 'told/1' };

export default async function () {
  // Bodies: forms are written in the order of their names.
  for (const body of [{ b: 1, a: 'x y', d: true, c: 1.5 }, { a: ['x', 2] }, { 'ä ö': 'ü&=+' }, 'a=b', '{"a":1}']) {
    const response = http.post(any, body);
    tell('body', sent(response), header(response, 'Content-Type', 'Content-Length'), response.request.body);
  }
  tell('no body', sent(http.post(any)), sent(http.post(any, null)), sent(http.get(any)), sent(http.request('GET', any, 'of a get')));
  tell('empty form', header(http.post(any, {}), 'Content-Type'));
  tell('own type', header(http.post(any, { a: 1 }, { headers: { 'Content-Type': 'text/x' } }), 'Content-Type'),
    header(http.post(any, { a: 1 }, { headers: { 'content-type': 'text/x' } }), 'Content-Type'));
  tell('bytes', sent(http.post(any, new Uint8Array([104, 105]))), sent(http.post(any, new ArrayBuffer(0)))[2]);
  tell('methods', sent(http.del(any, { a: 1 })), sent(http.options(any)), sent(http.patch(any, 'x')), sent(http.put(any, 'x')), http.head(any).body);
  // Headers: values become texts as JavaScript makes them; lengths are the client's.
  const answered = http.post(any, 'abcd', {
    headers: { 'X-Number': 1, 'X-True': true, 'X-List': ['a', 'b'], 'X-Object': {}, 'Content-Length': '4', 'Transfer-Encoding': 'chunked' },
  });
  tell('headers', header(answered, 'X-Number', 'X-True', 'X-List', 'X-Object', 'Content-Length', 'Transfer-Encoding', 'User-Agent'), answered.json('data'));
  tell('names', header(http.get(any, { headers: { Host: 'other.test', 'User-Agent': 'mine', Cookie: 'a=b' } }), 'User-Agent', 'Cookie'));
  const asked = http.post(any, { a: 'b' }, { headers: { 'x-q': 'q' }, cookies: { c: 'd' } }).request;
  tell('request', asked.method, asked.url, asked.body, sorted(asked.headers), asked.cookies);
  tell('plain request', http.get(any).request);
  // Compression.
  for (const compression of ['gzip', 'deflate', 'gzip, deflate', 'gzip,gzip', '', ' gzip ']) {
    const response = http.post(any, 'some text', { compression });
    tell('compression', compression, response.json('data'), header(response, 'Content-Encoding'));
  }
  tell('nothing to compress', header(http.post(any, null, { compression: 'gzip' }), 'Content-Encoding'));
  tell('compressed by hand', http.post(any, 'text', { compression: 'gzip', headers: { 'Content-Encoding': 'gzip' } }).json('data'));
  // Responses.
  for (const responseType of ['text', 'binary', 'none']) {
    const { body } = http.get(`${url}/bytes/5`, { responseType });
    tell('type', responseType, body === null ? null : typeof body, body instanceof ArrayBuffer && body.byteLength);
  }
  for (const path of ['/status/204', '/status/304', '/bytes/0']) tell('empty', path, http.get(url + path).body);
  const lost = http.get('http://127.0.0.1:1/');
  tell('lost', lost.status, lost.status_text, lost.body, lost.headers, lost.cookies, lost.error, lost.error_code, lost.url, lost.proto, lost.request.method,
    caught(() => lost.json()), caught(() => lost.html()));
  tell('late', (({ status, error, error_code }) => [status, error, error_code])(http.get(`${url}/delay/900`, { timeout: 60 })));
  tell('unknown', (({ status, error, error_code }) => [status, error, error_code])(http.get('http://no-such.invalid/')));
  tell('json', failing(() => http.get(`${url}/`).json()), failing(() => http.get(`${url}/get`, { responseType: 'none' }).json()),
    http.get(`${url}/get`, { responseType: 'binary' }).json('method'), http.get(`${url}/get`).json('not.there') === undefined,
    caught(() => http.get(`${url}/status/200`).json('a')));
  // Redirects: each method, the last response, limits.
  for (const status of [301, 302, 303, 307, 308]) {
    const response = http.put(`${url}/redirect-to?status=${status}&url=/anything`, 'a=1', { headers: { 'X-Q': 'q' } });
    tell('put redirected', status, response.json('method'), response.json('data'), response.json('headers.X-Q'), response.url);
  }
  for (const [path, params] of [['/redirect/12'], ['/redirect/3', { redirects: 1 }], ['/redirect-to?url=/get&status=300'], ['/redirect-to?url=']]) {
    const { status, error_code, url: end } = http.get(url + path, params);
    tell('redirect', path, status, error_code, end);
  }
  for (const status of [199, 200, 299, 399, 400, 404, 499, 500, 599].filter((each) => each >= 200)) {
    const { error_code, error, status_text } = http.get(`${url}/status/${status}`);
    tell('status', status, error_code, error, status_text.slice(0, 3));
  }
  // Batches.
  const st = ({ status, error_code }) => [status, error_code];
  for (const requests of [[], {}, [`${url}/get`], [['POST', `${url}/post`, 'x']], { a: `${url}/get`, b: ['HEAD', `${url}/get`] }, [{ url: any }],
    [{ method: 'POST', url: any, body: { a: 1 }, params: {} }], [`${url}/get`, 'http://127.0.0.1:1/'], [`${url}/get`, 'bad']]) {
    const found = http.batch(requests);
    tell('batch', Array.isArray(found), Object.entries(found).map(([name, each]) => [name, st(each)]).sort());
  }
  tell('no batch', [null, undefined, 5, 'x'].map((each) => failing(() => http.batch(each))), failing(() => http.batch([['GET', 'http://127.0.0.1:1/', null, { throw: true }]])));
  // Files.
  for (const args of [['x'], ['x', 'n.txt'], ['x', 'n.txt', 'text/x'], [new Uint8Array([1, 2]).buffer, 'b'], ['x', 'a"b\\c.txt'], ['x', 'ü.txt']]) {
    const file = http.file(...args);
    const told = http.post(any, { f: file, a: 1 });
    tell('file', file.content_type, args.length > 1 ? file.filename : file.filename.length > 10, Object.values(told.json('files')).map((each) => each.slice(1)), told.json('form.a'));
  }
  tell('no file', [[5], [], [null], [{}]].map((args) => failing(() => http.file(...args))));
  // What a response is expected to be.
  for (const args of [[], [200], [200, 201], [{ min: 200, max: 299 }], ['200'], [{ min: 5 }], [{ min: 'a', max: 'b' }], [200.5], [[200]]]) {
    tell('expected', args, failing(() => http.expectedStatuses(...args)));
  }
  tell('callback', [5, {}, () => true].map((each) => caught(() => http.setResponseCallback(each))), caught(() => http.setResponseCallback(null)));
  http.setResponseCallback(http.expectedStatuses({ min: 200, max: 399 }));
  // Jars.
  const jar = http.cookieJar();
  const kept = [
    ['a', '1'], ['b', '2', { path: '/p' }], ['c', '3', { domain: 'x.test' }], ['d', '4', { secure: true }], ['e', '5', { max_age: 0 }], ['f', '6', { max_age: -1 }],
    ['g', '7', { expires: 'Thu, 01 Jan 1970 00:00:00 GMT' }], ['h', '8', { expires: 'Mon, 02 Jan 2090 15:04:05 GMT' }], ['k', 5], ['m', '1', { http_only: true }],
  ].map((args) => caught(() => jar.set(url, ...args)));
  jar.set(`${url}/deep/er/x`, 'o', '1');
  tell('kept', kept, failing(() => jar.set(url, 'i', '9', { expires: 'x' })), ...['', '/p/q', '/deep/er/y'].map((path) => sorted(jar.cookiesForURL(url + path))));
  tell('of others', jar.cookiesForURL('http://other.test/'), new http.CookieJar().cookiesForURL(url));
  const cookies = (params) => sorted(http.get(`${url}/cookies`, params).json('cookies'));
  tell('sent', cookies(), cookies({ cookies: { z: 1 } }), cookies({ cookies: { a: { value: 'r', replace: true } } }), cookies({ jar: new http.CookieJar(), cookies: { y: 'x' } }));
  jar.clear(url);
  const set = http.get(`${url}/redirect-to?url=/cookies/set%3Fs%3D1`);
  tell('set on the way', set.json('cookies'), set.cookies, jar.cookiesForURL(url), set.request.cookies);
  jar.delete(url, 's');
  tell('deleted', jar.cookiesForURL(url));
  // Beside the iteration.
  const order = [];
  const slow = http.asyncRequest('GET', `${url}/delay/150`).then(() => order.push('slow'));
  const fast = http.asyncRequest('GET', `${url}/delay/5`).then(() => order.push('fast'));
  order.push('begun');
  await Promise.all([slow, fast]);
  tell('order', order);
  for (const args of [['GET', 'http://127.0.0.1:1/'], ['GET', 'bad']]) tell('aside', args, st(await http.asyncRequest(...args)));
  const thrown = await http.asyncRequest('GET', 'http://127.0.0.1:1/', null, { throw: true }).then(() => 'no', () => 'rejected');
  const own = url.replace('//', '//u:p@');
  tell('throw', thrown, failing(() => http.get('http://127.0.0.1:1/', { throw: true })), http.get(`${own}/basic-auth/u/p`).status, http.get(`${own}/digest-auth/auth/u/p`, { auth: 'digest' }).status);
  tell('url', sorted(JSON.parse(JSON.stringify(http.url`a${1}b${'c'}`))));
}

// Bodies: forms, lists in forms, JSON, bytes, files, and what no body does to the headers.
import http from 'k6/http';
import { check } from 'k6';

const raw = open('./checks.js', 'b');

export default function () {
  const url = `${__ENV.URL}/anything`;
  const told = (response) => response.json();
  const form = told(http.post(url, { name: 'Ann Lee', list: ['a', 'b&c'], number: 12, yes: true }));
  check(form, {
    'form values': (t) => t.form.name === 'Ann Lee' && t.form.number === '12' && t.form.yes === 'true',
    'form lists': (t) => t.form.list.join() === 'a,b&c',
    'form type': (t) => t.headers['Content-Type'] === 'application/x-www-form-urlencoded',
  });
  const text = told(http.put(url, 'plain', { headers: { 'Content-Type': 'text/plain' } }));
  check(text, { 'text as it is': (t) => t.data === 'plain' && t.method === 'PUT' });
  check(told(http.post(url, 'no type')), { 'no type': (t) => t.data === 'no type' });
  check(told(http.patch(url, JSON.stringify({ a: [1] }))), { json: (t) => t.json.a[0] === 1 });
  check(told(http.post(url, new Uint8Array([104, 105]).buffer)), { bytes: (t) => t.data === 'hi' });
  check(told(http.del(url, null)), { del: (t) => t.method === 'DELETE' && t.data === '' });
  check(told(http.request('OPTIONS', url)), { options: (t) => t.method === 'OPTIONS' });
  check(http.head(url), { head: (r) => r.status === 200 && r.body === null || r.body === '' });
  const sent = told(http.post(url, {
    file: http.file(raw, 'checks.js', 'text/javascript'), more: http.file('text', 'more.txt'), field: 'x',
  }));
  check(sent, {
    'file by name': (t) => t.files.file[0] === 'checks.js' && t.files.file[1] === 'text/javascript',
    'file whole': (t) => t.files.file[2] === raw.byteLength,
    'file of a text': (t) => t.files.more.join() === 'more.txt,application/octet-stream,4',
    'a field beside': (t) => t.form.field === 'x',
    'multipart type': (t) => /^multipart\/form-data; boundary=/.test(t.headers['Content-Type']),
  });
  check(http.file('x'), {
    'a file without name': (f) => f.data === 'x' && f.filename.length > 0 && f.content_type === 'application/octet-stream',
  });
  const agent = told(http.get(url, { headers: { 'User-Agent': 'mine', 'X-Number': 5 } }));
  check(agent, { headers: (t) => t.headers['User-Agent'] === 'mine' && t.headers['X-Number'] === '5' });
}

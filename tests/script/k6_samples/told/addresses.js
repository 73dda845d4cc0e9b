import { URL, URLSearchParams } from 'https://jslib.k6.io/url/1.0.0/index.js';
const tell = (...v) => console.log('TOLD' + JSON.stringify(v));
const caught = (f) => { try { return f(); } catch (e) { return e.name; } };
export const options = { iterations: 1 };
export default function () {
  for (const [u, b] of [['https://User:p%40ss@EXAMPLE.com:443/a/../b c?x=1 2&y=é#h i'], ['/p?q#r', 'http://h:8080/x/y'], ['../z', 'http://h/a/b/c'], ['mailto:a@b.c'], ['file:///c:/x/../y'], ['http://[::1]:80/'], ['http://bücher.example/'], ['web+demo:/.//not-a-host/'], ['blob:https://a.b/c'], ['x'], ['http://a b'], ['?', 'http://h/p?q'], ['#f', 'http://h/p?q'], ['//o/p', 'https://h'], ['http://1.2.3/'], ['ws://h:80/']]) {
    tell(u, caught(() => { const r = new URL(u, b); return [r.href, r.origin, r.protocol, r.username, r.password, r.host, r.hostname, r.port, r.pathname, r.search, r.hash, String(r), JSON.stringify(r), [...r.searchParams]]; }));
  }
  const u = new URL('http://h/p?a=1&b=2&a=3#f');
  const out = [];
  u.searchParams.append('c d', 'é&=+~*-._!\'()');
  out.push(u.href, u.search);
  u.searchParams.delete('a'); out.push(u.href);
  u.searchParams.set('b', 'x'); u.searchParams.sort(); out.push(`${u}`);
  u.search = 'n=1&n=2'; out.push(u.searchParams.getAll('n'), u.href);
  u.search = ''; out.push(u.href, u.searchParams.size);
  u.hash = 'z y'; u.port = '81'; u.protocol = 'https'; u.hostname = 'other.test'; u.pathname = '/q w'; u.username = 'me'; u.password = 's:t'; out.push(u.href);
  u.host = 'h2:99'; u.port = 'nope'; u.port = ''; out.push(u.href);
  u.href = 'http://new/?k=v'; out.push(u.searchParams.get('k'), u.searchParams.get('zz'), caught(() => { u.href = 'no'; }));
  tell(out);
  const p = new URLSearchParams('?a=1&b=%zz+%C3%A9%ff&&c');
  tell(p.toString(), [...p], [...p.keys()], [...p.values()], p.has('a'), p.has('a', '2'), p.size);
  tell(String(new URLSearchParams({ x: 1, y: 'é' })), String(new URLSearchParams([['a', 'b'], ['a', 'c']])), String(new URLSearchParams(new Map([['m', 1]]))), String(new URLSearchParams(p)), caught(() => new URLSearchParams([['a']])), caught(() => p.append('x')), caught(() => new URL()));
  const seen = []; p.forEach((v, k, o) => seen.push(k, v, o === p)); tell(seen);
  tell(caught(() => URL.canParse('x')), URL.canParse('x', 'http://h'), Object.prototype.toString.call(p), Object.prototype.toString.call(u));
}

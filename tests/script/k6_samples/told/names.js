// The names that a script finds: of each module, of what its functions give, of the global object.
import * as k6 from 'k6';
import * as http from 'k6/http';
import * as metrics from 'k6/metrics';
import * as data from 'k6/data';
import * as execution from 'k6/execution';
import * as encoding from 'k6/encoding';
import * as ws from 'k6/ws';
import * as hashes from 'k6/crypto';
import * as x509 from 'k6/crypto/x509';
import * as html from 'k6/html';
import * as timers from 'k6/timers';
import secrets from 'k6/secrets';
import * as websockets from 'k6/experimental/websockets';
import * as redis from 'k6/experimental/redis';
import * as fs from 'k6/experimental/fs';
import * as csv from 'k6/experimental/csv';
import * as streams from 'k6/experimental/streams';

const ENDS = [Object.prototype, Function.prototype, Array.prototype, null, undefined];
// Those of the object itself that are not shown belong to nobody; of prototypes all do.
const namesOf = (value) => {
  const found = new Set(Object.keys(value));
  for (let each = Object.getPrototypeOf(value); !ENDS.includes(each); each = Object.getPrototypeOf(each)) {
    Object.getOwnPropertyNames(each).forEach((name) => found.add(name));
  }
  found.delete('constructor');
  found.delete('default');
  return [...found].sort();
};
const tell = (title, value) => console.log('TOLD' + JSON.stringify([title, namesOf(value)]));
const TAGS = ['a', 'area', 'audio', 'base', 'body', 'button', 'canvas', 'data', 'datalist', 'del', 'embed', 'fieldset', 'form',
  'iframe', 'img', 'input', 'ins', 'label', 'legend', 'li', 'link', 'map', 'meta', 'meter', 'object', 'ol', 'optgroup', 'option',
  'output', 'p', 'param', 'pre', 'progress', 'q', 'script', 'select', 'source', 'style', 'table', 'td', 'textarea', 'th', 'time',
  'title', 'tr', 'track', 'ul', 'video'];

const counter = new metrics.Counter('counter');
const rows = new data.SharedArray('rows', () => [{ a: 1 }]);
const file = await fs.open('../parts/rows.csv');
const parser = new csv.Parser(file, { asObjects: true });
const client = new redis.Client('redis://127.0.0.1:1');
export const options = { iterations: 1 };

export default async function () {
  const url = __ENV.URL;
  const modules = {
    k6, 'k6/http': http, 'k6/metrics': metrics, 'k6/data': data, 'k6/execution': execution, 'k6/encoding': encoding, 'k6/ws': ws,
    'k6/crypto': hashes, 'k6/crypto/x509': x509, 'k6/html': html, 'k6/timers': timers, 'k6/secrets': secrets,
    'k6/experimental/websockets': websockets, 'k6/experimental/redis': redis, 'k6/experimental/fs': fs,
    'k6/experimental/csv': csv, 'k6/experimental/streams': streams,
  };
  for (const [name, module] of Object.entries(modules)) tell(name, module);
  // The global object's names are not shown by for … in.
  const globals = ['globalThis', 'global', 'crypto', 'console', 'open', 'require', 'module', 'exports', 'GoError', 'URL',
    'URLSearchParams', 'TextEncoder', 'TextDecoder', 'Blob', 'WebSocket', 'ReadableStream', 'fetch', 'XMLHttpRequest', 'Headers',
    'FormData', 'AbortController', 'Event', 'EventTarget', 'Buffer', 'process', 'window', 'self', 'structuredClone', 'atob', 'btoa',
    'queueMicrotask', 'performance', 'setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'setImmediate', '__ENV', '__VU',
    '__ITER', 'Iterator', 'WeakRef', 'SharedArrayBuffer', 'Atomics', 'FinalizationRegistry', 'Intl', 'Float16Array', 'BigInt',
    'Symbol', 'Proxy', 'Reflect', 'Promise'];
  console.log('TOLD' + JSON.stringify(['globals', globals.filter((name) => name in globalThis).sort()]));
  tell('console', console);
  tell('crypto', crypto);
  tell('crypto.subtle', crypto.subtle);
  const response = http.get(`${url}/cookies/set?a=1`, { redirects: 0 });
  tell('Response', response);
  tell('Response.timings', response.timings);
  tell('Response.request', response.request);
  tell('Response.ocsp', response.ocsp);
  tell('Response.cookies', response.cookies.a[0]);
  tell('CookieJar', http.cookieJar());
  tell('FileData', http.file('text'));
  tell('Counter', counter);
  tell('SharedArray', rows);
  tell('exec.vu', execution.vu);
  tell('exec.vu.metrics', execution.vu.metrics);
  tell('exec.scenario', execution.scenario);
  tell('exec.instance', execution.instance);
  tell('exec.test', execution.test);
  tell('exec.test.options', execution.test.options);
  const page = html.parseHTML(`<body>${TAGS.filter((tag) => tag !== 'body').map((tag) => `<${tag} id="i"></${tag}>`).join('')}</body>`);
  tell('Selection', page);
  const plain = html.parseHTML('<b></b>').find('b').get(0);
  const own = {};  // without the Go structures that k6's hold
  const common = namesOf(plain);
  tell('Element', plain);
  for (const tag of TAGS) {
    const text = /^(td|th)$/.test(tag) ? `<table><tr><${tag}></${tag}></tr></table>` : tag === 'tr' ? '<table><tr></tr></table>' : `<${tag}></${tag}>`;
    const found = html.parseHTML(text).find(tag).get(0);
    if (found !== undefined) own[tag] = namesOf(found).filter((name) => !common.includes(name) && !/(^|_)element$/.test(name));
  }
  console.log('TOLD' + JSON.stringify(['Elements', Object.entries(own).map(([tag, names]) => `${tag}: ${names.join(' ')}`).sort()]));
  tell('Attribute', html.parseHTML('<p a="b"></p>').find('p').get(0).attributes().a);
  tell('Hasher', hashes.createHash('md5'));
  tell('File', file);
  tell('FileInfo', await file.stat());
  tell('Parser', parser);
  tell('Client', client);
  ws.connect(`${url.replace('http', 'ws')}/ws`, (socket) => { tell('Socket', socket); socket.on('open', () => socket.close()); });
  tell('Blob', new websockets.Blob(['a']));
  await new Promise((done) => {
    const socket = new websockets.WebSocket(`${url.replace('http', 'ws')}/ws`);
    tell('WebSocket', socket);
    socket.onopen = (event) => { tell('event open', event); socket.send('text'); };
    socket.onmessage = (event) => { tell('event message', event); socket.close(); };
    socket.onclose = (event) => { tell('event close', event); done(); };
  });
  const stream = new streams.ReadableStream({ start(controller) { tell('ReadableStreamDefaultController', controller); } });
  tell('ReadableStream', stream);
  tell('ReadableStreamDefaultReader', stream.getReader());
  tell('CountQueuingStrategy', new streams.CountQueuingStrategy({ highWaterMark: 1 }));
  tell('CryptoKey', await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign']));
}

// What k6, its metrics, data, encoding and console take, refuse and give; timers and promises.
import { check, group, fail, sleep, randomSeed } from 'k6';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
import { SharedArray } from 'k6/data';
import encoding from 'k6/encoding';

const tell = (...values) => console.log('TOLD' + JSON.stringify(values));
const caught = (call) => { try { const value = call(); return value === undefined ? 'undefined' : value; } catch (error) { return error.name; } };
const words = (call) => { try { return call(); } catch (error) { return `${error.name}: ${error.message}`; } };

const made = [
  () => new SharedArray('', () => []), () => new SharedArray('x'), () => new SharedArray('x', 5), () => new SharedArray('x', () => ({})),
  () => new SharedArray('x', () => 5), () => new SharedArray('y', async () => []),
].map(words);
const rows = new SharedArray('rows', () => [{ a: 1, b: { c: [1] } }, 'text', 5, null, [1, 2], { f() {}, d: new Date(0), u: undefined }]);
const same = new SharedArray('rows', () => { throw new Error('made once'); });
const names = ['a b', '', '1a', 'ä', 'a.b', 'a-b', 'x'.repeat(128), 'a_b', '_a', 'vus', 'checks'].map((name) => caught(() => typeof new Counter(name)));
const twice = [() => new Counter('twice'), () => new Counter('twice'), () => new Trend('twice'), () => new Trend('time', true), () => new Trend('time'), () => new Counter()]
  .map((make) => caught(() => typeof make()));
const metrics = [new Counter('counter'), new Gauge('gauge'), new Rate('rate'), new Trend('trend')];
export const options = { iterations: 1 };

export default async function () {
  tell('SharedArray', made, 'metrics', names, twice);
  tell('rows', rows.length, rows[0], rows[5], rows[3], rows[9] === undefined, rows['0'], rows.foo === undefined, same[1], Array.isArray(rows), JSON.stringify(rows),
    rows.filter((each) => each === 5), Object.keys(rows), 1 in rows, rows.at(-1), [...rows].length, rows.indexOf('text'), rows.slice(1, 3), rows.map(String).length);
  tell('not to be changed', [() => { rows[0] = 1; }, () => { rows[0].a = 5; }, () => { rows.push(1); }, () => { rows.length = 0; }, () => { delete rows[0]; },
    () => { rows[0].b.c.push(2); }].map(caught), caught(() => new SharedArray('late', () => [])), rows[0].b.c);
  for (const value of [1, 1.5, -1, '5', '5px', 'x', '', null, undefined, true, false, NaN, {}, [], [7], '1e3', '0x10', 5n, new Date(5)]) {
    tell('add', typeof value, String(value).slice(0, 4), metrics.map((each) => caught(() => each.add(value))));
  }
  tell('tags', caught(() => metrics[0].add(1, { a: 1, b: true })), caught(() => metrics[0].add(1, null)), caught(() => metrics[0].add()), caught(() => new Counter('late')));
  tell('a metric', metrics[0].name, JSON.stringify(metrics[0]), String(metrics[0]));
  tell('check', [{}, [() => true, () => false], { '': true }, { nan: NaN }, { promise: Promise.resolve(false) }, { object: {}, list: [], text: '0' }, { 'a::b': true }]
    .map((sets) => caught(() => check(1, sets))), caught(() => check(1, { a: 1 }, null)), caught(() => check(1, null)), caught(() => check(Promise.resolve(1), { a: true })));
  tell('check names', words(() => check(1, { 'c::d': 1 })), words(() => group('a::b', () => 5)));
  tell('group', caught(() => group()), caught(() => group('a')), caught(() => group('a', 5)), group('', () => 5), group(null, () => 5), group({}, () => 1),
    words(() => group('t', () => { throw new RangeError('x'); })), caught(() => group('a', async () => 5)), group('a', () => Promise.resolve(1)) instanceof Promise);
  tell('fail', [undefined, 'a', 5, {}, null].map((text) => words(() => fail(text))));
  tell('sleep', [undefined, -1, '0.01', null, {}, 0, NaN].map((seconds) => caught(() => sleep(seconds))));
  randomSeed(5);
  const first = Math.random();
  randomSeed(5);
  tell('seed', first === Math.random(), first !== Math.random());
  for (const kind of [undefined, 'std', 'rawstd', 'url', 'rawurl', 'other', '', null]) {
    tell('b64', kind, encoding.b64encode('a?>ÿé~~', kind), encoding.b64encode(new Uint8Array([255, 254, 253]).buffer, kind), encoding.b64encode('', kind));
  }
  tell('b64 back', encoding.b64decode('YQ==', 'std', 's'), encoding.b64decode('YQ', 'rawstd', 's'), encoding.b64decode('YQ\n=\r\n=', 'std', 's'), encoding.b64decode('', 'std', 's'),
    new Uint8Array(encoding.b64decode('__79', 'url')), encoding.b64decode('YQ==') instanceof ArrayBuffer, encoding.b64decode('/w==', 'std', 's'),
    caught(() => encoding.b64decode('!!', 'std', 's')), caught(() => encoding.b64decode('Y Q==', 'std', 's')), caught(() => encoding.b64decode('YQ', 'std', 's')), caught(() => encoding.b64encode(5)));
  tell('globals', caught(() => open('x')), caught(() => require('k6')), typeof __ENV.PATH, __VU, __ITER, typeof globalThis.check, this === undefined, caught(() => { undeclared = 5; }));
  tell('GoError', (() => { try { fail('text'); } catch (error) { return [error instanceof GoError, error instanceof Error, error.name, error.toString()]; } return []; })());
  // Timers and promises.
  const order = [];
  const after = (ms, name) => new Promise((done) => { setTimeout(() => { order.push(name); done(name); }, ms); });
  queue(order);
  tell('timers', [() => setTimeout(5, 5), () => setInterval('text', 5), () => clearTimeout(), () => clearTimeout(999), () => clearInterval('x')].map(caught), typeof setTimeout(() => {}, 1));
  tell('race', await Promise.race([after(120, 'late'), after(5, 'early')]), await Promise.any([Promise.reject(new Error('no')), after(1, 'any')]));
  let ticks = 0;
  await new Promise((done) => { const id = setInterval(() => { ticks += 1; if (ticks === 3) { clearInterval(id); done(); } }, 2); });
  tell('ticks', ticks, order.slice(0, 6));
  await after(2, 'awaited');
  tell('order', order.slice(6), await (async () => { try { await Promise.reject(new TypeError('t')); return 'no'; } catch (error) { return error.name; } finally { order.push('finally'); } })());
  console.log('TOLD' + JSON.stringify(['console next']));
  console.log('TOLD', 1, 'a', null, undefined, { a: 1 }, [1, 'b'], true, new Date(0), new Map([[1, 2]]), new Set([1]), NaN, -0, Infinity, 5n, new Uint8Array([1, 2]), new ArrayBuffer(2), Promise.resolve(), /re/,
    { f() {}, u: undefined, n: null, d: new Date(0) }, [undefined, () => 1, NaN], '%s %d', new String('s'), [[]], '');
  console.info('TOLD', {}, Object.create(null), new (class A { x = 1; })());
}

function queue(order) {
  setTimeout(() => order.push('timer 0'), 0);
  Promise.resolve().then(() => order.push('then 1')).then(() => order.push('then 2'));
  (async () => { order.push('async'); await null; order.push('awaited'); })();
  order.push('last');
}

import { ReadableStream, CountQueuingStrategy, ReadableStreamDefaultReader } from 'k6/experimental/streams';
const tell = (...v) => console.log('TOLD' + JSON.stringify(v));
const caught = (f) => { try { f(); return 'fine'; } catch (e) { return `${e.name || ''}:${e.message || e}`; } };
const lost = (p) => p.then((v) => ['ok', v], (e) => [e && e.name, e && e.message || String(e)]);
export const options = { iterations: 1 };
export default async function () {
  // a source that is pulled
  const log = [];
  let n = 0;
  const s = new ReadableStream({
    start(c) { log.push('start', c.desiredSize); },
    pull(c) { log.push(`pull${n}`, c.desiredSize); c.enqueue({ n: n++ }); if (n === 4) c.close(); },
    cancel(r) { log.push('cancel', r); },
  }, { highWaterMark: 2 });
  log.push(s.locked);
  const r = s.getReader();
  log.push(s.locked, caught(() => s.getReader()), caught(() => new ReadableStreamDefaultReader(s)));
  for (;;) { const { done, value } = await r.read(); log.push(done, value); if (done) break; }
  log.push(await lost(r.closed));
  tell(log);
  // released, cancelled
  const log2 = [];
  const s2 = new ReadableStream({ cancel(x) { log2.push('cancel', x); return Promise.resolve(7); } });
  const r2 = s2.getReader();
  const p = r2.read();
  log2.push(await lost(s2.cancel('no')));
  r2.releaseLock();
  log2.push(await lost(p), await lost(r2.closed), await lost(r2.read()), await lost(r2.cancel()), s2.locked);
  log2.push(await lost(s2.cancel('why')));
  log2.push(await lost(s2.getReader().read()));
  tell(log2);
  // errors
  const log3 = [];
  let c3;
  const s3 = new ReadableStream({ start(c) { c3 = c; c.enqueue(1); c.enqueue(2); } }, new CountQueuingStrategy({ highWaterMark: 3 }));
  log3.push(c3.desiredSize);
  const r3 = s3.getReader();
  log3.push(await lost(r3.read()));
  c3.error(new RangeError('bad'));
  log3.push(c3.desiredSize, await lost(r3.read()), await lost(r3.closed), caught(() => c3.enqueue(3)), caught(() => c3.close()));
  tell(log3);
  const log4 = [];
  log4.push(await lost(new ReadableStream({ pull() { throw new TypeError('pulled'); } }).getReader().read()));
  log4.push(await lost(new ReadableStream({ start() { return Promise.reject(new Error('started')); } }).getReader().read()));
  log4.push(caught(() => new ReadableStream({ start() { throw new Error('thrown'); } })));
  log4.push(caught(() => new ReadableStream({ start: 3 })), caught(() => new ReadableStream({ type: 'bytes' })), caught(() => new ReadableStream({ type: 'x' })));
  log4.push(caught(() => new ReadableStream({}, { highWaterMark: -1 })), caught(() => new ReadableStream({}, { size: 1 })));
  log4.push(caught(() => new CountQueuingStrategy()), caught(() => new CountQueuingStrategy({})), caught(() => new ReadableStreamDefaultReader()), caught(() => new ReadableStreamDefaultReader({})));
  log4.push(caught(() => new ReadableStream().tee()), caught(() => new ReadableStream().getReader({ mode: 'byob' })), caught(() => new ReadableStream().getReader({ mode: 'x' })));
  log4.push(new CountQueuingStrategy({ highWaterMark: 4 }).highWaterMark, new CountQueuingStrategy({ highWaterMark: 4 }).size('abc'));
  let c5;
  const s5 = new ReadableStream({ start(c) { c5 = c; } }, { highWaterMark: 10, size: (x) => x.length });
  c5.enqueue('abc');
  log4.push(c5.desiredSize, caught(() => new ReadableStream({ start(c) { c.enqueue(1); } }, { size: () => NaN })));
  c5.close();
  log4.push(c5.desiredSize, caught(() => c5.close()));
  const r5 = s5.getReader();
  log4.push(await lost(r5.read()), await lost(r5.read()), c5.desiredSize);
  tell(log4);
}

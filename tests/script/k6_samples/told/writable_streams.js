import { WritableStream, WritableStreamDefaultWriter } from 'k6/experimental/streams';
import { setTimeout } from 'k6/timers';
const tell = (...v) => console.log('TOLD' + JSON.stringify(v));
const caught = (f) => { try { f(); return 'fine'; } catch (e) { return `${e.name || ''}:${e.message || e}`; } };
const lost = (p) => p.then((v) => ['ok', v], (e) => [e && e.name, e && e.message || String(e)]);
const turn = () => new Promise((r) => setTimeout(r, 1));
export const options = { iterations: 1 };
export default async function () {
  const log = [];
  let go;
  const s = new WritableStream({
    start() { log.push('start'); },
    write(chunk) { log.push('write', chunk); return new Promise((r) => { go = r; }); },
    close() { log.push('close'); }, abort(r) { log.push('abort', r); },
  }, { highWaterMark: 2 });
  const w = s.getWriter();
  log.push(s.locked, w.desiredSize, caught(() => s.getWriter()), caught(() => new WritableStreamDefaultWriter(s)));
  const a = w.write('a'), b = w.write('b');
  log.push(w.desiredSize);
  let ready = false; w.ready.then(() => { ready = true; });
  await turn(); log.push(ready); go(); await a; await turn(); log.push(ready, w.desiredSize); go(); await b;
  log.push(await lost(s.close()), await lost(w.close()), await lost(w.closed), await lost(w.write('c')), w.desiredSize, await lost(w.close()), await lost(w.abort()));
  log.push(await lost(s.abort('x')));
  tell(log);
  const log2 = [];
  const s2 = new WritableStream({ write(c) { log2.push(c); throw new RangeError('full'); }, abort(r) { log2.push('abort', r); } });
  const w2 = s2.getWriter();
  log2.push(await lost(w2.write(1)), await lost(w2.write(2)), await lost(w2.ready), await lost(w2.closed), w2.desiredSize, await lost(w2.close()));
  w2.releaseLock();
  log2.push(s2.locked, await lost(w2.closed), await lost(w2.ready), await lost(w2.write(1)), caught(() => w2.desiredSize));
  tell(log2);
  const log3 = [];
  const s3 = new WritableStream({ write() { return turn(); }, abort(r) { log3.push('abort', r.message); return turn(); }, close() { log3.push('close'); } });
  const w3 = s3.getWriter();
  const p = [w3.write(1), w3.write(2), w3.closed, w3.abort(new Error('enough')), w3.write(3)].map(lost);
  log3.push(...(await Promise.all(p)));
  log3.push(await lost(w3.ready), await lost(w3.abort('again')));
  tell(log3);
  const log4 = [];
  let c4;
  const s4 = new WritableStream({
    start(c) { c4 = c; },
  }, { highWaterMark: 3, size: (x) => x.length });
  const w4 = s4.getWriter();
  const q = lost(w4.write('ab'));
  log4.push(w4.desiredSize, await q);
  c4.error(new TypeError('gone'));
  log4.push(await lost(w4.closed), await lost(w4.write('x')), w4.desiredSize);
  log4.push(await lost(new WritableStream({ close() { throw new Error('closing'); } }).close()));
  log4.push(caught(() => new WritableStream({ type: 'x' })), caught(() => new WritableStream(3)), caught(() => new WritableStream({ write: 1 })), caught(() => new WritableStreamDefaultWriter({})));
  log4.push(caught(() => new WritableStream({}, { highWaterMark: NaN })), caught(() => WritableStream()));
  const w5 = new WritableStream({ start() { return Promise.reject(new Error('no start')); } }).getWriter();
  log4.push(await lost(w5.write('x')), await lost(w5.closed));
  tell(log4);
}

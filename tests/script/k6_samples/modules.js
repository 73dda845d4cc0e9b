// Modules: run once, in cycles, with star exports, by default and by name, JSON, files beside them.
import { check } from 'k6';
import counted, { id, add, count } from './parts/counted.js';
import { first, again, addAgain, early } from './parts/first.js';
import * as second from './parts/second.js';

const text = open('./parts/users.json');
const bytes = open('parts/users.json', 'b');

export const options = { scenarios: { main: { executor: 'per-vu-iterations', vus: 2, iterations: 2 } } };

export default function () {
  const before = count;
  add();
  addAgain();
  check(null, {
    'by default': counted === 'counted',
    once: globalThis.timesLoaded === 1,
    'one and the same': second.id === id && second.whole.id === id,
    'a cycle': first() === 'first second function' && early === 'function',
    'bindings are live': count === before + 2 && again === count && second.count === count,
    'a star has no default': !('default' in second) && second.whole.default === 'counted',
    'names of a star': Object.keys(second).sort().join() === 'add,count,id,second,whole',
    'own to each user': count === 2 * (__ITER + 1),
    'a text': JSON.parse(text).users[1].name === 'bob',
    'its bytes': bytes.byteLength === text.length,
    'no file later': () => { try { open('./parts/users.json'); return false; } catch (e) { return true; } },
    'a namespace is fixed': () => { try { second.count = 1; return false; } catch (e) { return e instanceof TypeError; } },
  });
}

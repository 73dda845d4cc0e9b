// Iterations that end early: exceptions of every kind count as iterations, and the others go on.
import http from 'k6/http';
import { check, fail, group } from 'k6';
import { Counter } from 'k6/metrics';

const reached = new Counter('reached');
export const options = { scenarios: { main: { executor: 'per-vu-iterations', vus: 2, iterations: 6 } } };

export default function () {
  reached.add(1);
  if (__ITER === 0) fail('by fail()');
  if (__ITER === 1) group('inside', () => { check(1, { before: true }); throw new Error('in a group'); });
  if (__ITER === 2) null.property;
  if (__ITER === 3) throw 'a text';
  if (__ITER === 4) JSON.parse('{');
  group('last', () => check(http.get(`${__ENV.URL}/get`), { 'still here': (r) => r.status === 200 }));
  reached.add(100);
}

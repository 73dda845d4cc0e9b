// What belongs to one user, and what setup() gives to all: copies; shared arrays; numbers.
import exec from 'k6/execution';
import { check } from 'k6';
import { SharedArray } from 'k6/data';
import { Counter } from 'k6/metrics';

const rows = new SharedArray('rows', () => [{ n: 1, list: [1, 2] }, { n: 2 }]);
const changed = new Counter('changed');
let own = 0;

export const options = {
  scenarios: { main: { executor: 'per-vu-iterations', vus: 3, iterations: 4 } },
  tags: { all: 'of them' },
  thresholds: { 'changed{all:of them}': ['count==12'], 'checks{mine:1}': ['rate==1'] },
};

export function setup() {
  return { list: [1], nothing: null, deep: { a: { b: 'c' } } };
}

export default function (data) {
  own += 1;
  globalThis.kept = (globalThis.kept || 0) + 1;
  Array.prototype.mark = undefined;
  delete Array.prototype.mark;
  exec.vu.tags.mine = '1';
  check(data, {
    'data as JSON': (d) => d.nothing === null && d.list[0] === 1,
    'deep data': (d) => d.deep.a.b === 'c',
    'data stays with its user': (d) => d.mine === undefined || d.mine === __VU,
  });
  data.mine = __VU;
  changed.add(1);
  check(rows, {
    'shared rows': (r) => r.length === 2 && r[0].n === 1 && r[0].list.length === 2,
    'as an array': (r) => r.map((row) => row.n).join() === '1,2' && [...r].length === 2 && r.some((row) => row.n === 2),
    'nothing beyond': (r) => r[2] === undefined,
    'not to be changed': (r) => { try { r[0].n = 5; } catch (e) { /* k6 may throw */ } return r[0].n === 1; },
  });
  check(null, {
    'variables are kept': own === __ITER + 1 && globalThis.kept === own,
    'numbers of a user': exec.vu.idInTest === __VU && exec.vu.iterationInScenario === __ITER && __VU >= 1 && __VU <= 3,
    'iteration in the instance': exec.vu.iterationInInstance === __ITER,
    scenario: exec.scenario.name === 'main' && exec.scenario.executor === 'per-vu-iterations',
    'progress': exec.scenario.progress >= 0 && exec.scenario.progress <= 1,
    'options': exec.test.options.scenarios.main.vus === 3,
    tags: exec.vu.tags.mine === '1' && exec.vu.tags.scenario === 'main',
  });
}

export function teardown(data) {
  if (data.mine !== undefined) throw new Error('teardown has the data of setup');
}

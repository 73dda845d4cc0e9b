// Every executor whose number of iterations is known: their functions, tags, environments, starts.
import exec from 'k6/execution';
import { check } from 'k6';
import { Counter } from 'k6/metrics';

const seen = new Counter('seen');
const numbers = new Counter('numbers');
export const options = {
  scenarios: {
    shared: { executor: 'shared-iterations', vus: 3, iterations: 20, exec: 'one', tags: { kind: 'a' } },
    each: { executor: 'per-vu-iterations', vus: 4, iterations: 3, exec: 'two', env: { NAME: 'each' } },
    later: { executor: 'shared-iterations', vus: 1, iterations: 2, startTime: '300ms', exec: 'one' },
    last: { executor: 'per-vu-iterations', vus: 2, iterations: 1, startTime: '0.2s', exec: 'three' },
  },
  thresholds: {
    'iterations{scenario:shared}': ['count==20'],
    'seen{kind:a}': ['count==20'],
    'seen{scenario:later}': ['count==2'],
    'iteration_duration{scenario:each}': ['max<60000'],
  },
};

export function one() {
  seen.add(1);
  numbers.add(exec.scenario.iterationInTest);
}

export function two() {
  check(__ENV, { 'its environment': (e) => e.NAME === 'each' });
  check(exec.vu, { 'tags of the scenario': (v) => v.tags.scenario === 'each' });
}

export function three() {
  check(null, { 'no environment of another': () => __ENV.NAME === undefined });
}

// A threshold that fails may end the run.
import { sleep } from 'k6';
import { Counter } from 'k6/metrics';

const bad = new Counter('bad');
export const options = {
  scenarios: { main: { executor: 'constant-vus', vus: 1, duration: '20s', gracefulStop: '0s' } },
  thresholds: { bad: [{ threshold: 'count<3', abortOnFail: true, delayAbortEval: '0s' }] },
};
export default function () { bad.add(1); sleep(0.1); }

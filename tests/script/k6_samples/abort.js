// exec.test.abort() ends the run; teardown is run all the same.
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';

const torn = new Counter('torn_down');
export const options = { vus: 1, iterations: 10 };
export default function () { if (__ITER === 2) exec.test.abort('enough'); }
export function teardown() { torn.add(1); }

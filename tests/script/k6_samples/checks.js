// Checks and groups: values of every kind, functions that throw, tags, nested groups, both returns.
import { check, group, fail } from 'k6';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';

const all = new Counter('all_passed');
const seen = new Gauge('seen');
const odd = new Rate('odd');
const fixed = new Trend('fixed');

export const options = {
  scenarios: { main: { executor: 'per-vu-iterations', vus: 2, iterations: 3 } },
  thresholds: {
    checks: ['rate>0.5', 'rate>0.99'],
    'checks{part:one}': ['rate==1'],
    'checks{group:::outer::inner}': ['rate==1'],
    all_passed: ['count==6', 'count>100'],
    odd: ['rate<0.5'],
    fixed: ['avg==2', 'max<=3', 'min>=1', 'p(95)<4', 'med==2'],
    'fixed{kind:b}': ['max==2'],
    seen: ['value<3'],
  },
};

export default function () {
  const value = { one: 1 };
  const passed = check(value, {
    'is one': (v) => v.one === 1,
    'is true': true,
    'is a text': 'text',
    'is a number': () => 7,
  }, { part: 'one' });
  all.add(passed);
  const held = check(null, { 'is zero': 0, 'is empty': '', 'is null': null, 'is nothing': undefined });
  if (held) fail('these are false');
  group('outer', () => {
    const given = group('inner', () => {
      check(1, { deep: (v) => v === 1 });
      return 'given';
    });
    check(given, { 'a group returns': (v) => v === 'given' });
  });
  try {
    check(1, { before: true, throws: () => { throw new Error('in a check'); }, after: true });
  } catch (error) {
    check(error, { 'it reaches the script': (e) => e.message === 'in a check' });
  }
  odd.add(__ITER % 2);
  odd.add(false);
  seen.add(__ITER);
  fixed.add(1);
  fixed.add(2, { kind: 'b' });
  fixed.add(3);
}

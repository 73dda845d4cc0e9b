// handleSummary(): what its data has, where its texts go.
import http from 'k6/http';
import { check, group } from 'k6';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';

const [count, value, rate, trend] = [new Counter('count'), new Gauge('gauge'), new Rate('rate'), new Trend('trend', true)];
export const options = {
  iterations: 4,
  thresholds: { count: ['count==4', 'count<1'], 'trend{a:b}': ['max<1'], http_reqs: ['count==4'] },
};

export function setup() { return 'ready'; }

export default function (data) {
  http.get(`${__ENV.URL}/get`);
  group('a', () => group('b', () => check(data, { ready: (d) => d === 'ready', odd: __ITER % 2 === 1 })));
  count.add(1);
  value.add(7);
  rate.add(__ITER === 0);
  trend.add(2);
  trend.add(3, { a: 'b' });
}

export function handleSummary(data) {
  const counted = {};
  for (const name of ['count', 'gauge', 'rate', 'trend', 'trend{a:b}', 'checks', 'iterations', 'http_reqs']) {
    const metric = data.metrics[name];
    const { rate, ...values } = metric.values; // of counters it depends on time
    counted[name] = {
      type: metric.type, contains: metric.contains, thresholds: metric.thresholds || {},
      values: metric.type === 'rate' ? metric.values : metric.type === 'counter' ? values : Object.keys(values).sort(),
    };
  }
  const inner = data.root_group.groups[0].groups[0];
  const told = {
    counted,
    group: { name: inner.name, path: inner.path, checks: inner.checks.map(({ name, passes, fails, path }) => [name, passes, fails, path]).sort() },
    state: Object.keys(data.state).sort(),
    options: Object.keys(data.options).sort(),
  };
  return { stdout: `SUMMARY ${JSON.stringify(told)}\n` };
}

import http from 'k6/http';
import { check, group, sleep, fail } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import exec from 'k6/execution';
import { randomIntBetween } from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';

const BASE_URL = __ENV.BASE_URL || 'http://localhost:8080';
const orders = new Counter('orders');
const took = new Trend('order_time', true);

export const options = {
  scenarios: {
    buyers: { executor: 'shared-iterations', vus: 2, iterations: 6, maxDuration: '30s' },
    readers: { executor: 'per-vu-iterations', vus: 1, iterations: 2, exec: 'readOnly', startTime: '0s' },
  },
  thresholds: {
    http_req_failed: ['rate<0.9'],
    'http_req_duration{scenario:buyers}': [{ threshold: 'p(95)<5000', abortOnFail: true, delayAbortEval: '10s' }],
  },
  summaryTrendStats: ['avg'],
};

export function setup() {
  const res = http.post(`${BASE_URL}/login`, JSON.stringify({ user: 'anna' }), {
    headers: { 'Content-Type': 'application/json' },
  });
  return { token: res.json('token') };
}

function params(token, name) {
  return { headers: { Authorization: 'Bearer ' + token }, tags: { name: name } };
}

// Buys one thing.
export default function (data) {
  const options = { headers: { Authorization: `Bearer ${data.token}` }, tags: { name: 'order', kind: 'write' } };
  let id;
  group('order', () => {
    const payload = JSON.stringify({ sku: 'a-1', count: 2, gift: null });
    const res = http.post(`${BASE_URL}/orders`, payload, options);
    const passed = check(res, {
      'status is 200': (r) => r.status === 200,
      'has id': (r) => r.json('id') !== undefined && r.body.length > 3,
    });
    if (!passed) {
      fail('no order');
    }
    id = res.json().id;
    orders.add(1);
    took.add(res.timings.duration);
  });
  for (let i = 0; i < 2; i++) {
    http.get(`${BASE_URL}/orders/${id}?page=${i}`, { tags: { name: '/orders/:id' } });
  }
  for (const item of ['x', 'y']) {
    http.put(BASE_URL + '/items/' + item, { size: '3', text: 'a b' });
  }
  const responses = http.batch([
    ['GET', `${BASE_URL}/a`, null, { headers: { 'X-A': '1' } }],
    ['DELETE', `${BASE_URL}/b`],
  ]);
  check(responses[1], { deleted: (r) => r.status === 200 });
  const missing = http.get(`${BASE_URL}/missing`, { responseCallback: http.expectedStatuses(404, { min: 200, max: 299 }) });
  if (missing.status === 404 && randomIntBetween(1, 2) > 0) {
    sleep(0.001 * (exec.vu.idInTest > 0 ? 1 : 2));
  }
}

export function readOnly(data) {
  http.get(`${BASE_URL}/read`, { headers: { 'X-Token': data.token } });
}

export function teardown(data) {
  http.del(`${BASE_URL}/login`);
}

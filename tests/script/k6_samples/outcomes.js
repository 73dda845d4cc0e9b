// What counts as failed: statuses, callbacks, the network; throw; error codes.
import http from 'k6/http';
import { check } from 'k6';
import { Counter } from 'k6/metrics';

const caught = new Counter('caught');

export const options = {
  scenarios: { main: { executor: 'per-vu-iterations', vus: 1, iterations: 2 } },
  thresholds: {
    http_req_failed: ['rate<0.9', 'rate<0.01'],
    'http_req_failed{status:404}': ['rate==1'],
    'http_reqs{expected_response:false}': ['count>0'],
    'http_reqs{error_code:1404}': ['count==2'],
    'http_reqs{error_code:1212}': ['count==4'],
    'http_reqs{status:200}': ['count>0'],
    'http_reqs{method:POST}': ['count==2'],
    'http_reqs{mine:yes}': ['count==2'],
    'http_req_duration{expected_response:true}': ['max<60000'],
  },
};

export default function () {
  const url = __ENV.URL;
  for (const status of [200, 204, 304, 400, 404, 500, 503]) {
    const response = http.get(`${url}/status/${status}`);
    check(response, {
      'status as it is': (r) => r.status === status,
      'code of an error': (r) => r.error_code === (status < 400 ? 0 : 1000 + status),
    });
  }
  http.get(`${url}/status/418`, { responseCallback: http.expectedStatuses(418) });
  http.get(`${url}/status/200`, { responseCallback: http.expectedStatuses({ min: 300, max: 399 }, 404) });
  http.get(`${url}/status/500`, { responseCallback: null });
  http.post(`${url}/status/201`, 'x', { tags: { mine: 'yes' } });
  http.setResponseCallback(http.expectedStatuses(500));
  http.get(`${url}/status/500`);
  http.get(`${url}/status/200`);
  http.setResponseCallback(http.expectedStatuses({ min: 200, max: 399 }));
  const refused = http.get('http://127.0.0.1:1/');
  check(refused, {
    'no answer': (r) => r.status === 0 && r.body === null && r.error.length > 0,
    refused: (r) => r.error_code === 1212,
  });
  const unknown = http.get('http://no-such-host.invalid/', { tags: { name: 'unknown' } });
  check(unknown, { 'unknown host': (r) => r.status === 0 && r.error_code === 1101 });
  const late = http.get(`${url}/delay/2000`, { timeout: 50 });
  check(late, { late: (r) => r.status === 0 && r.error_code === 1050 });
  const gone = http.get(`${url}/broken`);
  check(gone, { gone: (r) => r.status === 0 && r.error_code > 0 });
  try {
    http.get('http://127.0.0.1:1/', { throw: true });
  } catch (error) {
    caught.add(1);
    check(error, { 'thrown error': (e) => e instanceof Error || typeof e.error === 'function' });
  }
}

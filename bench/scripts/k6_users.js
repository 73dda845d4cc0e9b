// A GET, a check and a sleep: what one more user costs.
import http from 'k6/http';
import { check, sleep } from 'k6';

export default function () {
  const response = http.get(`${__ENV.BASE_URL}/`);
  check(response, { 'status is 200': (r) => r.status === 200 });
  sleep(Number(__ENV.PAUSE_S || 1));
}

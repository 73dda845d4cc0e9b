// One request and one check: what a load generator costs at the least. Twin: get_check.py.
import http from 'k6/http';
import { check } from 'k6';

const BASE_URL = __ENV.BASE_URL;

export default function () {
  const response = http.get(`${BASE_URL}/`);
  check(response, { 'status is 200': (r) => r.status === 200 });
}

// Five requests with JSON both ways, checks, groups and custom metrics. Twins: five.py and
// locust_five.py. The server answers every request with {"id": 17, "token": "…", "status": "open"}.
import http from 'k6/http';
import { check, group } from 'k6';
import { Counter, Trend } from 'k6/metrics';

const BASE_URL = __ENV.BASE_URL;
const created = new Counter('tickets_created');
const createDuration = new Trend('ticket_create_duration', true);

export default function () {
  const type = { 'Content-Type': 'application/json' };
  const login = http.post(
    `${BASE_URL}/login`,
    JSON.stringify({ email: 'agent@test.com', password: 'password' }),
    { headers: type, tags: { name: 'login' } }
  );
  check(login, { 'logged in': (r) => r.status === 200, 'has token': (r) => r.json('token') !== undefined });
  const headers = Object.assign({ Authorization: `Bearer ${login.json('token')}` }, type);

  group('ticket', function () {
    const ticket = http.post(
      `${BASE_URL}/tickets`,
      JSON.stringify({ title: `ticket ${__VU}.${__ITER}`, priority: 'HIGH' }),
      { headers, tags: { name: 'create ticket' } }
    );
    createDuration.add(ticket.timings.duration);
    if (check(ticket, { 'created': (r) => r.status === 200 })) {
      created.add(1);
    }
    const one = `${BASE_URL}/tickets/${ticket.json('id')}`;
    const read = http.get(one, { headers, tags: { name: 'read ticket' } });
    check(read, { 'is open': (r) => r.json('status') === 'open' });
    const changed = http.patch(one, JSON.stringify({ status: 'CLOSED' }), {
      headers,
      tags: { name: 'change ticket' },
    });
    check(changed, { 'changed': (r) => r.status === 200 });
  });

  const list = http.get(`${BASE_URL}/tickets?limit=20`, { headers, tags: { name: 'list tickets' } });
  check(list, { 'listed': (r) => r.status === 200 });
}

// campaign.py as a k6 script, unchanged by where it runs: in k6 itself, or on many machines by
//
//     fastbench run --on tcp://load0:8786 -e BASE_URL=https://staging.example examples/campaign/campaign.js
//
// __VU is 1 to 10,000 over all machines.

import http from 'k6/http';
import { check, group, sleep } from 'k6';
import { SharedArray } from 'k6/data';
import { Rate, Trend } from 'k6/metrics';

const BASE_URL = __ENV.BASE_URL || 'http://localhost:8080';
const THINK_S = Number(__ENV.THINK_S || 10);
const REPLY_PERCENT = Number(__ENV.REPLY_PERCENT || 20); // of those who read a conversation
const MINE = `${BASE_URL}/api/v1/messages/conversations`;

const accounts = new SharedArray('accounts', () => {
  const [, ...lines] = open('./users.csv').trim().split('\n');
  return lines.map((line) => {
    const [email, password] = line.split(',');
    return { email, password };
  });
});

const loginDuration = new Trend('login_duration', true);
// k6 has no operations: a Trend and a Rate of the script's own are as near as it gets.
const dashboardDuration = new Trend('dashboard_duration', true);
const dashboardFailed = new Rate('dashboard_failed');

export const options = {
  scenarios: {
    campaign: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: [
        { duration: '1m', target: 10000 }, // the campaign goes out
        { duration: '5m', target: 10000 }, // everybody is there
        { duration: '1m', target: 0 }, // they leave
      ],
    },
  },
  thresholds: {
    dashboard_duration: ['p(95)<1500'],
    dashboard_failed: ['rate<0.01'],
    'http_req_duration{name:reply}': ['p(95)<1000'],
    http_req_failed: ['rate<0.01'],
    login_duration: ['p(95)<1500'],
    checks: ['rate>0.99'],
  },
};

let token; // of this user: each has variables of its own

export default function () {
  if (!token) {
    signIn();
  }
  const newest = token ? dashboard() : null;
  sleep(THINK_S * (0.5 + Math.random()));
  if (newest && Math.random() * 100 < REPLY_PERCENT) {
    group('reply', () => {
      const said = JSON.stringify({ content: 'Yes, until Sunday' });
      const replied = http.post(`${MINE}/${newest}/reply`, said, known('reply'));
      check(replied, { 'reply accepted': (r) => r.status === 200 });
    });
  }
}

// What tells the server who asks, and k6 what that is called.
function known(name) {
  const headers = { 'X-User': String(__VU), 'Content-Type': 'application/json' };
  if (token) {
    headers.Authorization = `Bearer ${token}`;
  }
  return { headers, tags: { name } };
}

function signIn() {
  const account = accounts[(__VU - 1) % accounts.length];
  group('sign in', () => {
    const response = http.post(
      `${BASE_URL}/api/v1/auth/login`, JSON.stringify(account), known('login'));
    loginDuration.add(response.timings.duration);
    if (check(response, { 'signed in': (r) => r.status === 200 })) {
      token = response.json('accessToken');
    }
  });
}

// Open it: the list, then the newest conversation, whose id is returned. People wait for both.
function dashboard() {
  let newest = null;
  group('dashboard', () => {
    const begun = Date.now();
    const listed = http.get(`${MINE}?limit=20`, known('list'));
    let good = check(listed, { 'conversations listed': (r) => r.status === 200 });
    if (good) {
      newest = listed.json('data.0.id');
      const read = http.get(`${MINE}/${newest}`, known('conversation'));
      good = check(read, { 'messages loaded': (r) => r.status === 200 && r.json('messages.0') });
    }
    dashboardDuration.add(Date.now() - begun);
    dashboardFailed.add(!good);
  });
  return newest;
}

// The event loop: timers, promises, async functions, their order, and errors in them.
import { check, sleep } from 'k6';
import { Counter } from 'k6/metrics';

const fired = new Counter('fired');
export const options = { vus: 2, iterations: 4 };

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export default async function () {
  const order = [];
  setTimeout(() => order.push('late'), 30);
  setTimeout((a, b) => order.push(a + b), 5, 'so', 'on');
  const cleared = setTimeout(() => order.push('never'), 10);
  clearTimeout(cleared);
  let ticks = 0;
  const interval = setInterval(() => {
    ticks += 1;
    fired.add(1);
    if (ticks === 3) clearInterval(interval);
  }, 5);
  Promise.resolve().then(() => order.push('micro'));
  order.push('now');
  await null;
  order.push('next');
  await after(60);
  check(order, { 'in order': (o) => o.join() === 'now,micro,next,soon,late' });
  check(ticks, { 'three ticks': (t) => t === 3 });
  const all = await Promise.allSettled([after(1), Promise.reject(new Error('no')), 5]);
  check(all, { settled: (a) => a[1].status === 'rejected' && a[1].reason.message === 'no' && a[2].value === 5 });
  const race = await Promise.race([after(50).then(() => 'slow'), after(5).then(() => 'fast')]);
  check(race, { race: (r) => r === 'fast' });
  try {
    await Promise.reject(new TypeError('caught'));
  } catch (error) {
    check(error, { caught: (e) => e instanceof TypeError && e.message === 'caught' });
  }
  const begun = Date.now();
  sleep(0.02);
  check(null, { 'sleep holds all': () => Date.now() - begun >= 19 });
  setTimeout(() => fired.add(10), 1);
}

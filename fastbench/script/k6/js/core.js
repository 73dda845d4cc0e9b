// k6, k6/metrics, k6/data, k6/encoding, timers and console, over the operations in `host`.
// One realm serves all users of a worker, so nothing here keeps anything of a single user.
(function (host, modules) {
  'use strict';

  const errorNames = { __proto__: null, TypeError, RangeError, SyntaxError, ReferenceError };
  class GoError extends Error {
    constructor(text) { super(text); this.value = this; }
    error() { return this.message; }
  }
  Object.defineProperty(GoError.prototype, 'name', { value: 'GoError', configurable: true, writable: true });
  // A global name in k6, too: `error instanceof GoError`.
  Object.defineProperty(globalThis, 'GoError', { value: GoError, configurable: true, writable: true });
  host.makeError = ([name, text]) => {
    const kind = errorNames[name];
    return kind ? new kind(text.startsWith(`${name}: `) ? text.slice(name.length + 2) : text) : new GoError(text);
  };
  // Bytes as an operation takes them.
  host.bytes = (data) => (data instanceof DataView ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : data);

  // What a user waits for, by number: a function of (succeeded, value).
  const waiting = new Map();
  let lastId = 0;
  const wait = (callback) => {
    const id = ++lastId;
    if (id % 16 === 0) host.lost().forEach((each) => waiting.delete(each));
    waiting.set(id, callback);
    return id;
  };
  host.dispatch = ([id, succeeded, value]) => {
    const callback = waiting.get(id);
    if (callback === undefined) return;
    if (!callback.repeats) waiting.delete(id);
    callback(succeeded, value);
  };
  host.promised = (begin) => new Promise((resolve, reject) => {
    begin(wait((succeeded, value) => (succeeded ? resolve(value) : reject(value))));
  });
  host.wait = wait;
  host.forget = (id) => waiting.delete(id);

  // Each user has a copy of its own, with what its scenario adds, once its modules were run.
  host.environment = (base) => Object.defineProperty(globalThis, '__ENV', {
    enumerable: true, configurable: true,
    get() {
      const own = host.ownEnv();
      if (own === undefined || own === null) return base;
      const value = { ...base, ...own };
      Object.defineProperty(this, '__ENV', { value, writable: true, enumerable: true, configurable: true });
      return value;
    },
  });

  // What bundles look for: the user's own global object.
  Object.defineProperty(globalThis, 'global', { configurable: true, get: () => globalThis });

  const timer = (name, repeats) => (callback, ms, ...args) => {
    if (typeof callback !== 'function') throw new TypeError(`${name} requires a function as its first argument`);
    const call = () => callback(...args);
    call.repeats = repeats;
    const id = wait(call);
    host.timer(id, Math.max(0, Number(ms) || 0), repeats);
    return id;
  };
  const clear = (id) => { if (waiting.delete(id)) host.clearTimer(id); };
  Object.assign(globalThis, {
    setTimeout: timer('setTimeout', false), setInterval: timer('setInterval', true),
    clearTimeout: clear, clearInterval: clear,
  });

  const shown = (value) => {
    if (typeof value === 'string') return value;
    if (typeof value === 'number') return String(value);  // JSON has no NaN
    if (value instanceof Error) return `${value}`;
    if (typeof value === 'function' || typeof value === 'symbol') return String(value);
    try {
      const text = JSON.stringify(value);
      return text === undefined ? String(value) : text;
    } catch (error) {
      return String(value);
    }
  };
  globalThis.console = {};
  for (const level of ['log', 'info', 'debug', 'warn', 'error']) {
    console[level] = (...values) => host.log(level, values.map(shown).join(' '));
  }
  console.assert = (holds, ...values) => { if (!holds) console.error('Assertion failed:', ...values); };

  function group(name, body) {
    if (typeof body !== 'function') throw new GoError('group() requires a callback as a second argument');
    if (body.constructor.name === 'AsyncFunction') throw new GoError('group() does not support async functions as arguments');
    if (String(name).includes('::')) throw new GoError('group and check names may not contain \'::\'');
    host.enterGroup(String(name));
    try {
      return body();
    } finally {
      host.leaveGroup();
    }
  }
  modules.k6 = {
    check: host.check, group,
    fail(text) { throw new GoError(text === undefined || text === null ? '' : String(text)); },
    sleep(seconds) { host.sleep(Number(seconds)); },
    randomSeed(seed) { host.seedRandom(seed); },
  };

  class Metric {
    constructor(name, isTime) {
      if (name === undefined) throw new GoError('metric name is missing');
      this.name = String(name);
      Object.defineProperty(this, 'index', { value: host.metric(new.target.name, this.name, Boolean(isTime)) });
    }
    add(value, tags) {
      const number = typeof value === 'number' ? value : value === null ? NaN : +value;
      if (Number.isNaN(number)) return host.notANumber(this.name, shown(value));
      host.add(this.index, number, tags);
      return true;
    }
  }
  modules['k6/metrics'] = {};
  for (const kind of ['Counter', 'Gauge', 'Rate', 'Trend']) {
    modules['k6/metrics'][kind] = ({ [kind]: class extends Metric {} })[kind];
  }

  // One frozen copy for all users of a worker.
  const frozen = (value) => {
    if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
      Object.freeze(value);
      Object.values(value).forEach(frozen);
    }
    return value;
  };
  host.shared = (rows) => {
    Object.setPrototypeOf(rows, SharedArray.prototype);
    return frozen(rows);
  };
  class SharedArray extends Array {
    constructor(name, make) {
      if (!host.initializing()) throw new GoError('new SharedArray must be called in the init context');
      if (typeof name !== 'string' || !name) throw new GoError('empty name provided to SharedArray\'s constructor');
      if (typeof make !== 'function') throw new GoError('a function is expected as the second argument of SharedArray\'s constructor');
      if (make.constructor.name === 'AsyncFunction') throw new GoError('SharedArray constructor does not support async functions as second argument');
      super();
      const known = host.sharedArray(name);
      if (known) return known();
      const made = make();
      if (!Array.isArray(made)) throw new GoError('only arrays can be made into SharedArray');
      const copy = host.shared(JSON.parse(JSON.stringify(made)));
      host.sharedArray(name, () => copy);
      return copy;
    }
    static get [Symbol.species]() { return Array; }
  }
  modules['k6/data'] = { SharedArray };

  modules['k6/encoding'] = {
    b64encode: (input, alphabet) => host.b64encode(input, alphabet === undefined ? 'std' : String(alphabet)),
    b64decode: (input, alphabet, format) => host.b64decode(
      String(input), alphabet === undefined ? 'std' : String(alphabet), format === 's'),
  };

  globalThis.open = (path, mode) => host.open(path === undefined || path === null ? '' : String(path), mode === 'b');
})

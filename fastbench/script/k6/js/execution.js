// k6/execution, over the operations in `host`: what it shows is looked up at each access.
(function (host, modules) {
  'use strict';

  const looked = (object, subject, names) => {
    for (const name of names) {
      Object.defineProperty(object, name, { enumerable: true, get: () => host.execution(`${subject}.${name}`) });
    }
    return object;
  };
  // An object whose names and values are kept by the host, for the user that asks.
  const kept = (one, all, set, drop) => new Proxy({}, {
    get: (_, name) => (typeof name === 'string' ? one(name) ?? undefined : undefined),
    set: (_, name, value) => { set(String(name), value === undefined ? null : value); return true; },
    deleteProperty: (_, name) => { drop(String(name)); return true; },
    ownKeys: () => Object.keys(all()),
    has: (_, name) => name in all(),
    getOwnPropertyDescriptor: (_, name) => {
      const value = all()[name];
      return value === undefined ? undefined : { value, enumerable: true, configurable: true, writable: true };
    },
  });
  const tags = kept(host.tag, host.allTags, host.setTag, host.dropTag);
  const metadata = kept(host.metadata, host.allMetadata, host.setMetadata, host.dropMetadata);
  const show = (object, name, value, more) => Object.defineProperty(object, name, { enumerable: true, get: () => value, ...more });

  const vu = looked({}, 'vu', ['idInInstance', 'idInTest', 'iterationInInstance', 'iterationInScenario']);
  // As in k6 the object cannot be exchanged for another one, only its members be set.
  show(vu, 'tags', tags, { set() {} });
  show(vu, 'metrics', show(show({}, 'tags', tags), 'metadata', metadata), { set() {} });

  const frozen = (value) => {
    if (value !== null && typeof value === 'object') {
      Object.values(value).forEach(frozen);
      Object.freeze(value);
    }
    return value;
  };
  let options;
  const test = {
    abort(text) { host.abort(text === undefined || text === null ? 'test aborted' : `test aborted: ${text}`); },
    fail(text) { host.markFailed(text === undefined || text === null ? '' : String(text)); },
  };
  Object.defineProperty(test, 'options', {
    enumerable: true,
    get() {
      host.hasExecution('test');
      options ??= frozen(host.execution('test.options'));
      return options;
    },
  });
  const scenario = looked({}, 'scenario', ['name', 'executor', 'startTime', 'progress', 'iterationInInstance', 'iterationInTest']);
  const instance = looked({}, 'instance', [
    'currentTestRunDuration', 'iterationsCompleted', 'iterationsInterrupted', 'vusActive', 'vusInitialized']);

  // By `import exec` even looking at a subject throws in the init context; `import { vu }` has to bind it there.
  const whole = {};
  for (const [name, value] of Object.entries({ instance, scenario, test, vu })) {
    const get = () => { if (name !== 'test') host.hasExecution(name); return value; };
    Object.defineProperty(whole, name, { enumerable: true, get });
  }
  modules['k6/execution'] = { instance, scenario, test, vu, default: whole };
})

// Which built-in object a script has changed: others of its worker would see that, too.
(function () {
  'use strict';

  const { getOwnPropertyDescriptor, getOwnPropertyNames, is } = Object;
  const { ownKeys } = Reflect;
  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';
  const inside = (object, key) => {
    const found = getOwnPropertyDescriptor(object, key);
    return found === undefined ? found : found.value === undefined ? found.get : found.value;
  };
  let kept = [];
  const keep = (name, object) => {
    if (isObject(object)) kept.push([name, object, ownKeys(object).flatMap((key) => [key, inside(object, key)])]);
  };
  for (const name of getOwnPropertyNames(globalThis)) {
    const value = inside(globalThis, name);
    if (!isObject(value) || value === globalThis) continue;
    keep(name, value);
    if (typeof value === 'function') keep(`${name}.prototype`, value.prototype);
  }
  // Asked once: what was kept for that is let go.
  return () => {
    const all = kept;
    kept = [];
    for (let i = 0; i < all.length; i++) {
      const { 0: name, 1: object, 2: values } = all[i];
      for (let j = 0; j < values.length; j += 2) {
        if (!is(inside(object, values[j]), values[j + 1])) return `${name}.${String(values[j])}`;
      }
      const keys = ownKeys(object);       // a new one stands after those of its kind
      for (let j = 0; j < keys.length; j++) {
        if (2 * j >= values.length || keys[j] !== values[2 * j]) return `${name}.${String(keys[j])}`;
      }
    }
    return '';
  };
})

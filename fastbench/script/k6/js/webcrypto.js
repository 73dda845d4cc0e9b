// The global crypto, and k6/experimental/webcrypto, over the operations in `host`.
(function (host, modules) {
  'use strict';

  // As those of k6, an error shows its name and its message in JSON.
  const failed = (name, text) => Object.defineProperties(new Error(text), {
    name: { value: name, enumerable: true, configurable: true },
    message: { value: text, enumerable: true, configurable: true },
  });
  const integers = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array];
  const hashes = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' };
  const MAX_BYTES = 65536;

  // What Python is given for a key; scripts have no other way to it.
  const inside = new WeakMap();
  class CryptoKey {
    constructor(key) {
      if (!made.has(key)) throw new TypeError('Illegal constructor');
      const { type, extractable, algorithm, usages } = key;
      const shown = algorithm.publicExponent === undefined
        ? algorithm : { ...algorithm, publicExponent: new Uint8Array(algorithm.publicExponent) };
      inside.set(this, key);
      for (const [name, value] of Object.entries({ type, extractable, algorithm: shown, usages })) {
        Object.defineProperty(this, name, { value, enumerable: true });
      }
    }
    get [Symbol.toStringTag]() { return 'CryptoKey'; }
  }
  const made = new WeakSet();
  const keyOf = (value) => { made.add(value); return new CryptoKey(value); };

  const plain = (value) => {
    if (inside.has(value)) return inside.get(value);
    if (value instanceof ArrayBuffer) return value.slice();
    return ArrayBuffer.isView(value) ? value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength) : value;
  };
  const algorithmOf = (given) => {
    if (given === null || typeof given !== 'object') return { name: given === undefined ? null : given };
    const copy = {};
    for (const name in given) copy[name] = plain(given[name]);
    return copy;
  };
  const ask = (operation, ...args) => {
    const settled = ([name, value]) => {
      if (name) throw failed(name, value);
      return value;
    };
    if (!host.subtleTakesLong(operation, args[0])) return settled(host.subtle(operation, args));
    return host.promised((id) => host.subtleAside(id, operation, args)).then(settled);
  };
  const usagesOf = (usages) => {
    if (usages === undefined || usages === null || typeof usages[Symbol.iterator] !== 'function') {
      throw new TypeError('the usages of a key are an array');
    }
    return Array.from(usages, String);
  };

  const crypto = {
    getRandomValues(array) {
      if (!integers.some((kind) => array instanceof kind)) throw failed('TypeMismatchError', 'typedArray parameter isn\'t a TypedArray instance');
      if (array.byteLength > MAX_BYTES) throw failed('QuotaExceededError', `typedArray parameter is too big; maximum length is ${MAX_BYTES} bytes`);
      if (array.byteLength > 0) {
        new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(new Uint8Array(host.randomBytes(array.byteLength)));
      }
      return array;
    },
    randomUUID() {
      const bytes = new Uint8Array(host.randomBytes(16));
      bytes[6] = (bytes[6] & 15) | 64;
      bytes[8] = (bytes[8] & 63) | 128;
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    },
    subtle: {
      digest(algorithm, data) {
        return new Promise((resolve) => {
          const given = typeof algorithm === 'string' ? algorithm : algorithm && algorithm.name;
          const name = hashes[String(given).toUpperCase()];
          if (name === undefined) throw failed('NotSupportedError', `unsupported algorithm: ${given}`);
          if (!(data instanceof ArrayBuffer) && !ArrayBuffer.isView(data)) {
            throw failed('OperationError', 'data is neither an ArrayBuffer, nor a TypedArray nor DataView');
          }
          resolve(host.hash(name, data, 'binary'));
        });
      },
    },
  };
  Object.assign(crypto.subtle, {
    async encrypt(algorithm, key, data) { return ask('encrypt', algorithmOf(algorithm), plain(key), plain(data)); },
    async decrypt(algorithm, key, data) { return ask('decrypt', algorithmOf(algorithm), plain(key), plain(data)); },
    async sign(algorithm, key, data) { return ask('sign', algorithmOf(algorithm), plain(key), plain(data)); },
    async verify(algorithm, key, signature, data) {
      return ask('verify', algorithmOf(algorithm), plain(key), plain(signature), plain(data));
    },
    async generateKey(algorithm, extractable, usages) {
      const found = await ask('generateKey', algorithmOf(algorithm), Boolean(extractable), usagesOf(usages));
      if (found.privateKey === undefined) return keyOf(found);
      return { privateKey: keyOf(found.privateKey), publicKey: keyOf(found.publicKey) };
    },
    async importKey(format, data, algorithm, extractable, usages) {
      return keyOf(await ask('importKey', String(format), plain(data), algorithmOf(algorithm), Boolean(extractable), usagesOf(usages)));
    },
    async exportKey(format, key) { return ask('exportKey', String(format), plain(key)); },
    async deriveBits(algorithm, key, length) {
      return ask('deriveBits', algorithmOf(algorithm), plain(key), length === undefined || length === null ? null : Number(length));
    },
    async deriveKey(algorithm, key, derived, extractable, usages) {
      return keyOf(await ask('deriveKey', algorithmOf(algorithm), plain(key), algorithmOf(derived), Boolean(extractable), usagesOf(usages)));
    },
  });
  for (const name of ['unwrapKey', 'wrapKey']) {
    crypto.subtle[name] = () => Promise.reject(failed('NotSupportedError', `there is no crypto.subtle.${name}(), as in k6; use exportKey() and encrypt()`));
  }
  Object.defineProperty(crypto, 'CryptoKey', { value: CryptoKey, enumerable: true });
  globalThis.crypto = crypto;
  modules['k6/experimental/webcrypto'] = { crypto };
})

// The global crypto, and k6/experimental/webcrypto: random values and digests, over the operations in `host`.
(function (host, modules) {
  'use strict';

  const failed = (name, text) => Object.defineProperty(new Error(text), 'name', { value: name, configurable: true });
  const integers = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array];
  const hashes = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' };
  const MAX_BYTES = 65536;

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
  for (const name of ['decrypt', 'deriveBits', 'deriveKey', 'encrypt', 'exportKey', 'generateKey', 'importKey', 'sign', 'unwrapKey', 'verify', 'wrapKey']) {
    crypto.subtle[name] = () => Promise.reject(failed('NotSupportedError', `fastbench has no crypto.subtle.${name}(); use k6/crypto, or see docs/k6.md`));
  }
  globalThis.crypto = crypto;
  modules['k6/experimental/webcrypto'] = { crypto };
})

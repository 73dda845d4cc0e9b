// k6/crypto over the operations in `host`.
(function (host, modules) {
  'use strict';

  const names = ['md4', 'md5', 'sha1', 'sha256', 'sha384', 'sha512', 'sha512_224', 'sha512_256', 'ripemd160'];
  const given = (data) => {
    if (typeof data === 'string' || data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return host.bytes(data);
    if (Array.isArray(data)) return new Uint8Array(data);
    throw host.makeError(['GoError', `invalid type ${typeof data}, expected string, ArrayBuffer, or array of bytes`]);
  };
  const crypto = {
    hexEncode: (data) => host.hash('', given(data), 'hex'),
    hmac: (name, secret, data, encoding) => host.hmac(String(name), given(secret), given(data), encoding),
    randomBytes: (size) => host.randomBytes(Number(size)),
  };
  for (const name of names) crypto[name] = (data, encoding) => host.hash(name, given(data), encoding);

  class Hasher {
    constructor(digest) {
      Object.defineProperty(this, 'parts', { value: [] });
      Object.defineProperty(this, 'end', { value: digest });
    }
    update(data) { this.parts.push(given(data)); }
    digest(encoding) { return this.end(this.parts, encoding); }
  }
  crypto.createHash = (name) => new Hasher((parts, encoding) => host.hash(String(name), parts, encoding));
  crypto.createHMAC = (name, secret) => {
    const key = given(secret);
    return new Hasher((parts, encoding) => host.hmac(String(name), key, parts, encoding));
  };
  modules['k6/crypto'] = crypto;
})

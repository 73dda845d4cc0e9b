// k6/crypto and k6/crypto/x509 over the operations in `host`.
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

  const pem = (encoded) => {
    if (encoded === undefined || encoded === null) return '';
    if (typeof encoded === 'string' || encoded instanceof ArrayBuffer || ArrayBuffer.isView(encoded)) return host.bytes(encoded);
    throw new TypeError(`a certificate is a text or an ArrayBuffer in PEM, not ${typeof encoded}`);
  };
  // Numbers of a key come as hexadecimal texts.
  const numbers = (key) => {
    for (const [name, value] of Object.entries(key)) {
      if (typeof value === 'string' && value.startsWith('0x')) key[name] = BigInt(value);
    }
    return key;
  };
  modules['k6/crypto/x509'] = {
    parse(encoded) {
      const found = host.x509Parse(pem(encoded));
      const { key } = found.publicKey;
      numbers(key);
      if (key.parameters) numbers(key.parameters);
      return found;
    },
    getAltNames: (encoded) => host.x509AltNames(pem(encoded)),
    getIssuer: (encoded) => host.x509Issuer(pem(encoded)),
    getSubject: (encoded) => host.x509Subject(pem(encoded)),
  };
})

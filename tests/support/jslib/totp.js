// Passwords by time (RFC 6238): SHA-1, steps of 30 s.
import crypto from 'k6/crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function decoded(text) {
  let bits = '';
  for (const letter of text.replace(/=+$/, '').toUpperCase()) {
    bits += LETTERS.indexOf(letter).toString(2).padStart(5, '0');
  }
  const bytes = bits.match(/.{8}/g) || [];
  return new Uint8Array(bytes.map((byte) => parseInt(byte, 2))).buffer;
}

export class TOTP {
  constructor(secret, digits = 6) { this.secret = secret; this.digits = digits; }
  async gen() {
    const counter = new DataView(new ArrayBuffer(8));
    counter.setUint32(4, Math.floor(Date.now() / 30000));
    const hash = crypto.hmac('sha1', decoded(this.secret), counter.buffer, 'hex');
    const at = parseInt(hash.slice(-1), 16) * 2;
    const number = parseInt(hash.slice(at, at + 8), 16) & 0x7fffffff;
    return String(number % 10 ** this.digits).padStart(this.digits, '0');
  }
}

// k6/websockets: the browser's WebSocket, over the operations in `host`. Events come through the user's
// own loop of events, so an iteration lasts until its sockets are closed.
(function (host, modules) {
  'use strict';

  const goError = (text) => host.makeError(['GoError', text]);
  const KINDS = ['open', 'message', 'error', 'close', 'ping', 'pong'];
  const { ReadableStream } = modules['k6/experimental/streams'];
  const STREAM_BYTES = 1024;
  const CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3;

  let rawOf;
  const bytesOf = (part) => {
    if (part instanceof Blob) return rawOf(part);
    if (part instanceof ArrayBuffer) return new Uint8Array(part);
    if (ArrayBuffer.isView(part)) return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    return null;
  };
  class Blob {
    #bytes;
    #type;
    constructor(parts, options) {
      if (options !== undefined && (options === null || typeof options !== 'object')) throw goError('[options] must be an object');
      this.#type = options !== undefined && options.type !== undefined ? String(options.type) : '';
      if (parts !== undefined && !Array.isArray(parts)) throw goError('failed to process [blobParts]: it is no array');
      const all = (parts || []).map((part) => {
        const bytes = typeof part === 'string' ? new Uint8Array(host.utf8(part)) : bytesOf(part);
        if (bytes === null) throw goError(`failed to process [blobParts]: unsupported type: ${typeof part}`);
        return bytes;
      });
      this.#bytes = new Uint8Array(all.reduce((sum, each) => sum + each.length, 0));
      let at = 0;
      for (const each of all) { this.#bytes.set(each, at); at += each.length; }
    }
    get size() { return this.#bytes.length; }
    get type() { return this.#type; }
    static { rawOf = (blob) => blob.#bytes; }
    async arrayBuffer() { return this.#bytes.slice().buffer; }
    async bytes() { return this.#bytes.slice(); }
    async text() { return host.utf8Text(this.#bytes); }
    slice(from, to, type) {
      const part = this.#bytes.slice(from === undefined ? 0 : from, to);
      return new Blob([part], { type: type === undefined ? '' : type });
    }
    // As k6 has it: texts of 1024 bytes each, and one that is empty.
    stream() {
      const bytes = this.#bytes;
      let at = 0;
      return new ReadableStream({
        pull(controller) {
          controller.enqueue(host.utf8Text(bytes.subarray(at, at + STREAM_BYTES)));
          if (at >= bytes.length) controller.close();
          at += STREAM_BYTES;
        },
      });
    }
    toString() { return '[object Blob]'; }
  }

  class WebSocket {
    #state = CONNECTING;
    #binaryType = 'blob';
    #on = {};
    #listeners = {};
    #number;
    #protocol = '';
    #extensions = [];
    #code = 0;
    #reason = '';
    constructor(url, protocols, params) {
      if (url === undefined || url === null) throw goError('WebSocket requires a url');
      const address = String(url);
      const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(address);
      if (scheme === null || !/^wss?$/i.test(scheme[1])) {
        throw goError(`WebSocket requires url with scheme ws or wss, but got "${scheme === null ? '' : scheme[1]}"`);
      }
      if (/#./.test(address)) throw goError(`WebSocket requires no url fragment, but got "${address.split('#')[1]}"`);
      Object.defineProperty(this, 'url', { value: address, enumerable: true });
      const chosen = protocols === undefined || protocols === null ? [] : [].concat(protocols).map(String);
      const heard = (succeeded, [kind, ...values]) => this.#happened(kind, values);
      heard.repeats = true;
      this.#number = host.wait(heard);
      try {
        host.socketOpen(this.#number, address, chosen, params === undefined ? null : params);
      } catch (error) {
        host.forget(this.#number);
        throw error;
      }
    }
    get readyState() { return this.#state; }
    get bufferedAmount() { return this.#state === CONNECTING ? 0 : host.socketUnsent(this.#number); }
    get extensions() { return this.#extensions; }
    get protocol() { return this.#protocol; }
    get binaryType() { return this.#binaryType; }
    set binaryType(kind) {
      if (kind !== 'blob' && kind !== 'arraybuffer') throw goError(`unknown binaryType ${kind}, the supported ones are "blob" and "arraybuffer"`);
      this.#binaryType = kind;
    }
    addEventListener(kind, handler) {
      if (typeof handler !== 'function') throw goError(`handler for event type "${kind}" isn't a callable function`);
      if (!KINDS.includes(kind)) { console.warn(`can't add event handler: unknown event type: ${kind}`); return; }
      (this.#listeners[kind] = this.#listeners[kind] || []).push(handler);
      if (kind === 'ping') host.socketPings(this.#number);
    }
    send(message) {
      this.#needsOpen();
      const bytes = typeof message === 'string' ? message : bytesOf(message);
      if (bytes === null) throw goError(`unsupported send type ${typeof message}`);
      host.socketSend(this.#number, bytes);
    }
    ping() { this.#needsOpen(); host.socketPing(this.#number); }
    close(code, reason) {
      if (this.#state >= CLOSING) return;
      const number = code === undefined || code === null ? 0 : Math.trunc(Number(code)) || 0;
      const text = reason === undefined || reason === null ? '' : String(reason);
      if (number !== 0 && number !== 1000 && !(number >= 3000 && number <= 4999)) {
        throw goError('InvalidAccessError: Failed to execute \'close\' on \'WebSocket\': '
          + `The close code must be either 1000, or between 3000 and 4999. ${number} is neither`);
      }
      if (host.utf8(text).byteLength > 123) {
        throw goError('SyntaxError: Failed to execute \'close\' on \'WebSocket\': The message must not be greater than 123 bytes');
      }
      this.#state = CLOSING;
      this.#code = number || 1000;
      host.socketClose(this.#number, this.#code, text);
    }
    #needsOpen() { if (this.#state !== OPEN) throw goError('InvalidStateError'); }
    #happened(kind, values) {
      if (kind === 'open') {
        if (this.#state !== CONNECTING) return;
        this.#state = OPEN;
        [this.#protocol, this.#extensions] = values;
        this.#tell('open', {});
      } else if (kind === 'message') {
        if (this.#state !== OPEN) return;
        const [data] = values;
        const shown = typeof data === 'string' || this.#binaryType === 'arraybuffer' ? data : new Blob([data]);
        this.#tell('message', { data: shown, origin: this.url });
      } else if (kind === 'closed') {
        const [code, reason, error] = values;
        this.#state = CLOSED;
        host.forget(this.#number);
        if (code) { this.#code = code; this.#reason = reason; }
        if (error) this.#tell('error', { error });
        this.#tell('close', this.#code ? { code: this.#code, reason: this.#reason } : { reason: this.#reason });
      } else {
        this.#tell(kind, {});
      }
    }
    #tell(kind, values) {
      const event = { type: kind, target: this, timestamp: Date.now(), ...values };
      const first = this.#on[kind] ? [this.#on[kind]] : [];
      try {
        for (const each of [...first, ...(this.#listeners[kind] || [])]) each.call(undefined, event);
      } catch (error) {
        if (this.#state !== CLOSED) {
          this.#state = CLOSED;
          host.forget(this.#number);
          host.socketDrop(this.#number);
        }
        throw error;
      }
    }
    static {
      for (const kind of KINDS) {
        Object.defineProperty(WebSocket.prototype, `on${kind}`, {
          enumerable: true, configurable: true,
          get() { return this.#on[kind] || null; },
          set(handler) {
            if (handler === null || handler === undefined) { delete this.#on[kind]; return; }
            if (typeof handler !== 'function') throw goError(`a value for 'on${kind}' should be callable`);
            this.#on[kind] = handler;
            if (kind === 'ping') host.socketPings(this.#number);
          },
        });
      }
    }
  }
  modules['k6/websockets'] = { WebSocket, Blob };
  modules['k6/experimental/websockets'] = { WebSocket, Blob };
})

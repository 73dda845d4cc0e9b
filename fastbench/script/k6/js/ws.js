// k6/ws: connect() runs the events of one socket until it is closed, over the operations in `host`.
(function (host, modules) {
  'use strict';

  const begin = (socket, call, ms, repeats, name) => {
    const time = Number(ms);
    if (!(time > 0)) throw host.makeError(['GoError', `${name} requires a >0 timeout parameter, received ${ms}`]);
    socket.timers.set(host.wsTimer(socket.number, time, repeats), call);
  };
  class Socket {
    constructor(number) {
      Object.defineProperty(this, 'number', { value: number });
      Object.defineProperty(this, 'handlers', { value: {} });
      Object.defineProperty(this, 'timers', { value: new Map() });
    }
    on(event, handler) {
      if (typeof handler !== 'function') return;
      if (event === 'ping' && !this.handlers.ping) host.wsHearPings(this.number);
      (this.handlers[event] = this.handlers[event] || []).push(handler);
    }
    send(message) {
      if (message === undefined) throw host.makeError(['TypeError', 'the message is missing']);
      host.wsSend(this.number, String(message));
    }
    sendBinary(message) {
      if (!(message instanceof ArrayBuffer) && !ArrayBuffer.isView(message)) {
        throw new TypeError(`expected ArrayBuffer as argument, received: ${typeof message}`);
      }
      host.wsSend(this.number, message);
    }
    ping() { host.wsPing(this.number); }
    setTimeout(call, ms) { begin(this, call, ms, false, 'setTimeout'); }
    setInterval(call, ms) { begin(this, call, ms, true, 'setInterval'); }
    close(code) { host.wsClose(this.number, code === undefined ? 1001 : Math.trunc(Number(code)) || 0); }
  }
  const told = (socket, event, ...values) => {
    for (const handler of socket.handlers[event] || []) handler(...values);
  };

  modules['k6/ws'] = {
    connect(url, params, body) {
      const run = typeof params === 'function' ? params : body;
      if (typeof run !== 'function') throw host.makeError(['GoError', 'last argument to ws.connect must be a function']);
      const [number, error, response, open] = host.wsOpen(String(url), typeof params === 'function' ? null : params);
      const socket = new Socket(number);
      try {
        if (error && host.throws()) throw host.makeError(['GoError', error]);
        if (open) {     // else the script hears of it by the response only, as in k6
          run(socket);
          told(socket, 'open');
          for (;;) {
            const event = host.wsNext(number);
            if (event === undefined) break;
            if (event[0] === 'timer') socket.timers.get(event[1])();
            else if (event[0] === 'error') told(socket, 'error', host.makeError(['GoError', event[1]]));
            else told(socket, ...event);
          }
        }
      } finally {
        host.wsLeave(number);
      }
      return response;
    },
  };
})

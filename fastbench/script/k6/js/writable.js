// The other half of k6/experimental/streams: writable streams.
(function (host, modules) {
  'use strict';

  const { Deferred, SizedQueue, rejected, handled, hidden, strategyOf, algorithm, starting, isObject, key } = host.streams;
  const later = (reason) => Promise.reject(reason);
  const CLOSE = Symbol('close');

  class WritableStreamDefaultController {
    #inner;
    #queue = new SizedQueue();
    #limit;
    #size;
    #write;
    #close;
    #abort;
    #started = false;
    constructor(made, inner, sink, highWaterMark, size) {
      if (made !== key) throw new TypeError('WritableStreamDefaultController is not constructable');
      this.#inner = inner;
      this.#limit = highWaterMark;
      this.#size = size;
      const start = starting(sink, 'underlyingSink');
      this.#write = algorithm(sink, 'write', 'underlyingSink');
      this.#close = algorithm(sink, 'close', 'underlyingSink');
      this.#abort = algorithm(sink, 'abort', 'underlyingSink');
      inner.controller = {
        desiredSize: () => this.#limit - this.#queue.total,
        sizeOf: (chunk) => this.#sizeOf(chunk),
        write: (chunk, weight) => this.#added(chunk, weight),
        close: () => { this.#queue.add(CLOSE, 0); this.#advance(); },
        aborted: (reason) => { const ended = this.#abort(reason); this.#clear(); return ended; },
        reset: () => this.#queue.reset(),
        started: () => this.#started,
      };
      setBackpressure(inner, this.#full());
      Promise.resolve(start(this)).then(
        () => { this.#started = true; this.#advance(); },
        (reason) => { this.#started = true; failing(inner, reason); },
      );
    }
    error(reason) { if (this.#inner.state === 'writable') this.#fail(reason); }

    #full() { return this.#limit - this.#queue.total <= 0; }
    #clear() { this.#write = this.#close = this.#abort = this.#size = undefined; }
    #fail(reason) { this.#clear(); startErroring(this.#inner, reason); }
    #sizeOf(chunk) {
      if (this.#size === undefined) return 1;
      try {
        return Number(this.#size(chunk));
      } catch (error) {
        if (this.#inner.state === 'writable') this.#fail(error);
        return 1;
      }
    }
    #added(chunk, weight) {
      try {
        this.#queue.add([chunk], weight);
      } catch (error) {
        if (this.#inner.state === 'writable') this.#fail(error);
        return;
      }
      if (!closing(this.#inner) && this.#inner.state === 'writable') setBackpressure(this.#inner, this.#full());
      this.#advance();
    }
    #advance() {
      const inner = this.#inner;
      if (!this.#started || inner.writing !== undefined) return;
      if (inner.state === 'erroring') { finishErroring(inner); return; }
      if (this.#queue.length === 0 || inner.state !== 'writable') return;
      const next = this.#queue.peek();
      if (next === CLOSE) this.#runClose(); else this.#runWrite(next[0]);
    }
    #runClose() {
      const inner = this.#inner;
      inner.closingNow = inner.closeRequest;
      inner.closeRequest = undefined;
      this.#queue.take();
      const ended = this.#close();
      this.#clear();
      ended.then(() => closed(inner), (reason) => {
        inner.closingNow.reject(reason);
        inner.closingNow = undefined;
        if (inner.abortRequest !== undefined) inner.abortRequest.reject(reason);
        inner.abortRequest = undefined;
        failing(inner, reason);
      });
    }
    #runWrite(chunk) {
      const inner = this.#inner;
      inner.writing = inner.writes.shift();
      this.#write(chunk, this).then(() => {
        inner.writing.resolve();
        inner.writing = undefined;
        if (this.#queue.length > 0) this.#queue.take();
        if (!closing(inner) && inner.state === 'writable') setBackpressure(inner, this.#full());
        this.#advance();
      }, (reason) => {
        if (inner.state === 'writable') this.#clear();
        inner.writing.reject(reason);
        inner.writing = undefined;
        failing(inner, reason);
      });
    }
  }

  const closing = (inner) => inner.closeRequest !== undefined || inner.closingNow !== undefined;
  const inFlight = (inner) => inner.writing !== undefined || inner.closingNow !== undefined;
  const setBackpressure = (inner, value) => {
    const { writer } = inner;
    if (writer !== undefined && value !== inner.backpressure) {
      if (value) writer.ready = new Deferred(); else writer.ready.resolve();
    }
    inner.backpressure = value;
  };
  const rejectReady = (writer, reason) => {
    if (writer.ready.pending) {
      handled(writer.ready.promise);
      writer.ready.reject(reason);
    } else {
      writer.ready = rejected(reason);
    }
  };
  const rejectClosed = (writer, reason) => {
    if (writer.closed.pending) {
      handled(writer.closed.promise);
      writer.closed.reject(reason);
    } else {
      writer.closed = rejected(reason);
    }
  };
  const startErroring = (inner, reason) => {
    inner.state = 'erroring';
    inner.error = reason;
    if (inner.writer !== undefined) rejectReady(inner.writer, reason);
    if (!inFlight(inner) && inner.controller.started()) finishErroring(inner);
  };
  const failing = (inner, reason) => {
    if (inner.state === 'writable') startErroring(inner, reason);
    else if (inner.state === 'erroring' && !inFlight(inner)) finishErroring(inner);
  };
  const closeFailed = (inner) => {
    if (inner.closeRequest !== undefined) {
      inner.closeRequest.reject(inner.error);
      inner.closeRequest = undefined;
    }
    if (inner.writer !== undefined) rejectClosed(inner.writer, inner.error);
  };
  const finishErroring = (inner) => {
    inner.state = 'errored';
    inner.controller.reset();
    for (const write of inner.writes.splice(0)) write.reject(inner.error);
    const request = inner.abortRequest;
    inner.abortRequest = undefined;
    if (request === undefined) { closeFailed(inner); return; }
    if (request.wasErroring) { request.reject(inner.error); closeFailed(inner); return; }
    inner.controller.aborted(request.reason).then(
      () => { request.resolve(); closeFailed(inner); },
      (reason) => { request.reject(reason); closeFailed(inner); },
    );
  };
  const closed = (inner) => {
    inner.closingNow.resolve();
    inner.closingNow = undefined;
    if (inner.state === 'erroring') {
      inner.error = undefined;
      if (inner.abortRequest !== undefined) inner.abortRequest.resolve();
      inner.abortRequest = undefined;
    }
    inner.state = 'closed';
    if (inner.writer !== undefined) inner.writer.closed.resolve();
  };
  const abort = (inner, reason) => {
    if (inner.state === 'closed' || inner.state === 'errored') return Promise.resolve();
    if (inner.abortRequest !== undefined) return inner.abortRequest.promise;
    const request = inner.abortRequest = new Deferred();
    request.wasErroring = inner.state === 'erroring';
    request.reason = request.wasErroring ? undefined : reason;
    if (!request.wasErroring) startErroring(inner, reason);
    return request.promise;
  };
  const close = (inner) => {
    if (inner.state === 'closed' || inner.state === 'errored') return later(new TypeError('stream is already closed or errored'));
    const request = inner.closeRequest = new Deferred();
    if (inner.writer !== undefined && inner.backpressure && inner.state === 'writable') inner.writer.ready.resolve();
    inner.controller.close();
    return request.promise;
  };

  class WritableStream {
    constructor(sink, strategy) {
      const [highWaterMark, size] = strategyOf(strategy);
      if (sink !== undefined && !isObject(sink)) throw new TypeError('underlyingSink must be an object');
      if (sink !== undefined && sink.type !== undefined) throw new RangeError('\'type\' is not supported by WritableStream');
      hidden(this, {
        state: 'writable', error: undefined, writer: undefined, controller: undefined, backpressure: false, writes: [],
        writing: undefined, closeRequest: undefined, closingNow: undefined, abortRequest: undefined,
      });
      new WritableStreamDefaultController(key, this.inner, sink, highWaterMark, size);
    }
    get locked() { return this.inner.writer !== undefined; }
    abort(reason) {
      return this.locked ? later(new TypeError('cannot abort a locked stream')) : abort(this.inner, reason);
    }
    close() {
      if (this.locked) return later(new TypeError('cannot close a locked stream'));
      return closing(this.inner) ? later(new TypeError('stream is already closing')) : close(this.inner);
    }
    getWriter() { return new WritableStreamDefaultWriter(this); }
  }

  class WritableStreamDefaultWriter {
    constructor(...given) {
      if (given.length !== 1) throw new TypeError('WritableStreamDefaultWriter takes a single argument');
      const [stream] = given;
      if (!(stream instanceof WritableStream)) throw new TypeError('WritableStreamDefaultWriter argument must be a WritableStream');
      if (stream.locked) throw new TypeError('stream is locked');
      const { inner } = stream;
      hidden(this, { stream: inner, ready: new Deferred(), closed: new Deferred() });
      const own = this.inner;
      inner.writer = own;
      if (inner.state === 'erroring') {
        own.ready = rejected(inner.error);
      } else if (inner.state === 'errored') {
        own.ready = rejected(inner.error);
        own.closed = rejected(inner.error);
      } else {
        if (inner.state === 'closed') own.closed.resolve();
        if (inner.state === 'closed' || closing(inner) || !inner.backpressure) own.ready.resolve();
      }
    }
    get closed() { return this.inner.closed.promise; }
    get ready() { return this.inner.ready.promise; }
    get desiredSize() {
      const { stream } = this.inner;
      if (stream === undefined) throw new TypeError('stream is undefined');
      if (stream.state === 'errored' || stream.state === 'erroring') return null;
      return stream.state === 'closed' ? 0 : stream.controller.desiredSize();
    }
    abort(reason) {
      const { stream } = this.inner;
      return stream === undefined ? later(new TypeError('stream is undefined')) : abort(stream, reason);
    }
    close() {
      const { stream } = this.inner;
      if (stream === undefined) return later(new TypeError('stream is undefined'));
      return closing(stream) ? later(new TypeError('stream is already closing')) : close(stream);
    }
    releaseLock() {
      const own = this.inner;
      if (own.stream === undefined) return;
      const reason = new TypeError('writer released');
      rejectReady(own, reason);
      rejectClosed(own, reason);
      own.stream.writer = undefined;
      own.stream = undefined;
    }
    write(chunk) {
      const { stream } = this.inner;
      if (stream === undefined) return later(new TypeError('stream is undefined'));
      const weight = stream.controller.sizeOf(chunk);
      if (this.inner.stream !== stream) return later(new TypeError('writer was released'));
      if (stream.state === 'errored') return later(stream.error);
      if (closing(stream) || stream.state === 'closed') return later(new TypeError('stream is closing or closed'));
      if (stream.state === 'erroring') return later(stream.error);
      const request = new Deferred();
      stream.writes.push(request);
      stream.controller.write(chunk, weight);
      return request.promise;
    }
  }

  Object.assign(modules['k6/experimental/streams'], { WritableStream, WritableStreamDefaultWriter });
})

// k6/experimental/streams: readable streams of the Streams Standard, as far as k6 has them.
(function (host, modules) {
  'use strict';

  const unsupported = (what) => host.makeError(['GoError', `NotSupportedError:${what} is not supported yet`]);
  const nothing = () => {};
  const handled = (promise) => { promise.then(nothing, nothing); return promise; };
  const nullish = (value) => value === undefined || value === null;
  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';

  // A promise that is settled later, once.
  class Deferred {
    constructor() {
      this.pending = true;
      this.promise = new Promise((resolve, reject) => {
        this.resolve = (value) => { this.pending = false; resolve(value); };
        this.reject = (reason) => { this.pending = false; reject(reason); };
      });
    }
  }
  const rejected = (reason) => {
    const made = new Deferred();
    made.reject(reason);
    handled(made.promise);
    return made;
  };

  // Values and their sizes, in order.
  class SizedQueue {
    constructor() { this.reset(); }
    reset() { this.items = []; this.total = 0; }
    get length() { return this.items.length; }
    add(value, size) {
      if (!(size >= 0 && size < Infinity)) throw new RangeError('size must be a finite, non-NaN number');
      this.items.push([value, size]);
      this.total += size;
    }
    peek() { return this.items[0][0]; }
    take() {
      const [value, size] = this.items.shift();
      this.total = Math.max(0, this.total - size);
      return value;
    }
  }

  class CountQueuingStrategy {
    constructor(...given) {
      if (given.length !== 1) throw new TypeError('CountQueuingStrategy takes a single argument');
      if (!isObject(given[0])) throw new TypeError('CountQueuingStrategy argument must be an object');
      if (nullish(given[0].highWaterMark)) throw new TypeError('CountQueuingStrategy argument must have \'highWaterMark\' property');
      Object.defineProperty(this, 'highWaterMark', { value: given[0].highWaterMark, enumerable: true });
      Object.defineProperty(this, 'size', { value: () => 1, enumerable: true });
    }
  }

  // [highWaterMark, size()] of a queuing strategy.
  const strategyOf = (given) => {
    const { highWaterMark, size } = nullish(given) ? {} : given;
    if (!nullish(size) && typeof size !== 'function') throw new TypeError('size must be a function');
    if (!nullish(highWaterMark) && !(typeof highWaterMark === 'number' && highWaterMark >= 0)) {
      throw new RangeError('highWaterMark must be a non-negative number');
    }
    return [nullish(highWaterMark) ? 1 : highWaterMark, nullish(size) ? () => 1 : (chunk) => size(chunk)];
  };
  // A function of a source or a sink that gives a promise; `otherwise` where it has none.
  const algorithm = (owner, name, what) => {
    const found = owner === undefined ? undefined : owner[name];
    if (found === undefined) return () => Promise.resolve();
    if (typeof found !== 'function') throw new TypeError(`${what}.[[${name}]] must be a function`);
    return (...values) => {
      try {
        return Promise.resolve(found.apply(owner, values));
      } catch (error) {
        return Promise.reject(error);
      }
    };
  };
  const starting = (owner, what) => {
    const found = owner === undefined ? undefined : owner.start;
    if (found !== undefined && typeof found !== 'function') throw new TypeError(`${what}.[[start]] must be a function`);
    return (controller) => (found === undefined ? undefined : found.call(owner, controller));
  };

  const key = Symbol('made by a stream');

  class ReadableStreamDefaultController {
    #stream;
    #queue = new SizedQueue();
    #limit;
    #size;
    #pull;
    #cancel;
    #started = false;
    #pulling = false;
    #again = false;
    #closing = false;
    constructor(made, stream, source, highWaterMark, size) {
      if (made !== key) throw new TypeError('ReadableStreamDefaultController is not constructable');
      this.#stream = stream;
      this.#limit = highWaterMark;
      this.#size = size;
      const start = starting(source, 'underlyingSource');
      this.#pull = algorithm(source, 'pull', 'underlyingSource');
      this.#cancel = algorithm(source, 'cancel', 'underlyingSource');
      stream.inner.controller = {
        pulled: (request) => this.#pulled(request), cancelled: (reason) => this.#cancelled(reason),
      };
      Promise.resolve(start(this)).then(
        () => { this.#started = true; this.#pullIfNeeded(); },
        (reason) => this.#fail(reason),
      );
    }
    get desiredSize() {
      const { state } = this.#stream.inner;
      return state === 'errored' ? null : state === 'closed' ? 0 : this.#limit - this.#queue.total;
    }
    close() {
      this.#mayAdd();
      this.#closing = true;
      if (this.#queue.length === 0) { this.#clear(); closeReadable(this.#stream.inner); }
    }
    enqueue(chunk) {
      this.#mayAdd();
      const { inner } = this.#stream;
      if (inner.reader !== undefined && inner.reader.requests.length > 0) {
        inner.reader.requests.shift().resolve({ value: chunk, done: false });
      } else {
        try {
          this.#queue.add(chunk, Number(this.#size(chunk)));
        } catch (error) {
          this.#fail(error);
          throw error;
        }
      }
      this.#pullIfNeeded();
    }
    error(reason) { this.#fail(reason); }

    #open() { return !this.#closing && this.#stream.inner.state === 'readable'; }
    #mayAdd() { if (!this.#open()) throw new TypeError('cannot close or enqueue'); }
    #clear() { this.#pull = this.#cancel = undefined; this.#size = undefined; }
    #fail(reason) {
      if (this.#stream.inner.state !== 'readable') return;
      this.#queue.reset();
      this.#clear();
      failReadable(this.#stream.inner, reason);
    }
    #pulled(request) {
      const { inner } = this.#stream;
      if (this.#queue.length === 0) {
        inner.reader.requests.push(request);
        this.#pullIfNeeded();
        return;
      }
      const value = this.#queue.take();
      if (this.#closing && this.#queue.length === 0) {
        this.#clear();
        closeReadable(inner);
      } else {
        this.#pullIfNeeded();
      }
      request.resolve({ value, done: false });
    }
    #cancelled(reason) {
      this.#queue.reset();
      const made = this.#cancel(reason);
      this.#clear();
      return made;
    }
    #pullIfNeeded() {
      if (!this.#open() || !this.#started) return;
      const { reader } = this.#stream.inner;
      if (!(reader !== undefined && reader.requests.length > 0) && !(this.desiredSize > 0)) return;
      if (this.#pulling) { this.#again = true; return; }
      this.#pulling = true;
      this.#pull(this).then(() => {
        this.#pulling = false;
        if (this.#again) { this.#again = false; this.#pullIfNeeded(); }
      }, (reason) => this.#fail(reason));
    }
  }

  const closeReadable = (inner) => {
    inner.state = 'closed';
    if (inner.reader === undefined) return;
    inner.reader.closed.resolve();
    for (const request of inner.reader.requests.splice(0)) request.resolve({ value: undefined, done: true });
  };
  const failReadable = (inner, reason) => {
    inner.state = 'errored';
    inner.error = reason;
    if (inner.reader === undefined) return;
    handled(inner.reader.closed.promise);
    inner.reader.closed.reject(reason);
    for (const request of inner.reader.requests.splice(0)) request.reject(reason);
  };
  const cancelReadable = (inner, reason) => {
    if (inner.state === 'closed') return Promise.resolve();
    if (inner.state === 'errored') return Promise.reject(inner.error);
    closeReadable(inner);
    return inner.controller.cancelled(reason).then(nothing);
  };
  // What only this module sees of a stream, a reader or a writer.
  const hidden = (object, inner) => Object.defineProperty(object, 'inner', { value: inner });

  class ReadableStream {
    constructor(source, strategy) {
      const [highWaterMark, size] = strategyOf(strategy);
      if (source !== undefined && !isObject(source)) throw new TypeError('underlyingSource must be an object');
      const type = source === undefined ? undefined : source.type;
      if (type !== undefined && String(type) !== 'bytes') throw new TypeError('invalid underlying source type');
      if (type !== undefined) throw unsupported('\'bytes\' stream');
      hidden(this, { state: 'readable', error: undefined, reader: undefined, controller: undefined });
      new ReadableStreamDefaultController(key, this, source, highWaterMark, size);
    }
    get locked() { return this.inner.reader !== undefined; }
    cancel(reason) {
      if (this.locked) return Promise.reject(new TypeError('cannot cancel a locked stream'));
      return cancelReadable(this.inner, reason);
    }
    getReader(options) {
      if (nullish(options) || options.mode === undefined) return new ReadableStreamDefaultReader(this);
      if (String(options.mode) !== 'byob') throw new TypeError('options.mode is not \'byob\'');
      throw unsupported('\'byob\' mode');
    }
    tee() { throw unsupported('\'tee()\''); }
  }

  class ReadableStreamDefaultReader {
    constructor(...given) {
      if (given.length !== 1) throw new TypeError('ReadableStreamDefaultReader takes a single argument');
      const [stream] = given;
      if (!(stream instanceof ReadableStream)) throw new TypeError('ReadableStreamDefaultReader argument must be a ReadableStream');
      if (stream.locked) throw new TypeError('stream is locked');
      const { inner } = stream;
      hidden(this, { stream: inner, requests: [], closed: new Deferred() });
      inner.reader = this.inner;
      if (inner.state === 'closed') this.inner.closed.resolve();
      if (inner.state === 'errored') this.inner.closed = rejected(inner.error);
    }
    get closed() { return this.inner.closed.promise; }
    read() {
      const { stream } = this.inner;
      if (stream === undefined) return Promise.reject(new TypeError('stream is undefined'));
      if (stream.state === 'closed') return Promise.resolve({ value: undefined, done: true });
      if (stream.state === 'errored') return Promise.reject(stream.error);
      const request = new Deferred();
      stream.controller.pulled(request);
      return request.promise;
    }
    cancel(reason) {
      if (this.inner.stream === undefined) return Promise.reject(new TypeError('stream is undefined'));
      return cancelReadable(this.inner.stream, reason);
    }
    releaseLock() {
      const { stream, requests, closed } = this.inner;
      if (stream === undefined) return;
      if (closed.pending) {
        handled(closed.promise);
        closed.reject(new TypeError('stream is readable'));
      } else {
        this.inner.closed = rejected(new TypeError('stream is not readable'));
      }
      stream.reader = undefined;
      this.inner.stream = undefined;
      const reason = new TypeError('reader released');
      for (const request of requests.splice(0)) request.reject(reason);
    }
  }

  host.streams = { Deferred, SizedQueue, rejected, handled, hidden, strategyOf, algorithm, starting, isObject, key };
  modules['k6/experimental/streams'] = { ReadableStream, CountQueuingStrategy, ReadableStreamDefaultReader };
})

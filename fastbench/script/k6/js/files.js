// k6/experimental/fs, k6/experimental/csv, k6/secrets and k6/timers, over the operations in `host`.
(function (host, modules) {
  'use strict';

  const goError = (text) => host.makeError(['GoError', text]);
  const fsError = (name, text) => Object.defineProperty(new Error(text), 'name', { value: name, configurable: true });
  const promised = (make) => {
    try {
      return Promise.resolve(make());
    } catch (error) {
      return Promise.reject(error);
    }
  };

  // A file's bytes are one worker's, its place in them is one user's.
  const SeekMode = { Start: 0, Current: 1, End: 2 };
  const whole = (value, what) => {
    if (value === undefined || value === null) throw fsError('TypeError', `seek() failed; reason: the ${what} argument cannot be null or undefined`);
    if (!Number.isInteger(value)) throw fsError('TypeError', `seek() failed; reason: the ${what} argument must be a number`);
    return value;
  };
  class File {
    constructor(path, number, size) {
      this.path = path;
      Object.defineProperties(this, { number: { value: number }, size: { value: size }, at: { value: 0, writable: true } });
    }
    stat() { return Promise.resolve({ name: this.path.slice(this.path.lastIndexOf('/') + 1), size: this.size }); }
    read(into) {
      return promised(() => {
        if (!(into instanceof Uint8Array)) {
          const missing = into === undefined || into === null;
          throw fsError('TypeError', `read() failed; reason: into argument ${missing ? 'cannot be null or undefined' : 'must be a Uint8Array'}`);
        }
        if (this.at >= this.size) return null;
        const part = new Uint8Array(host.fileBytes(this.number, this.at, into.length));
        into.set(part);
        this.at += part.length;
        return part.length;
      });
    }
    seek(offset, whence) {
      return promised(() => {
        const by = whole(offset, 'offset');
        const mode = whole(whence, 'whence');
        if (mode < 0 || mode > 2) throw fsError('TypeError', 'seek() failed; reason: the whence argument must be a SeekMode');
        const at = mode === SeekMode.Start ? by : mode === SeekMode.Current ? this.at + by : this.size - 1 + by; // as k6 counts
        if (mode === SeekMode.Start && by < 0) throw fsError('TypeError', 'offset cannot be negative when using SeekModeStart');
        if (mode === SeekMode.End && by > 0) throw fsError('TypeError', 'offset cannot be positive when using SeekModeEnd');
        if (at < 0 || at > this.size) throw fsError('TypeError', `seeking ${at < 0 ? 'before start' : 'beyond end'} of file`);
        this.at = at;
        return at;
      });
    }
  }
  modules['k6/experimental/fs'] = {
    open: (path) => promised(() => {
      if (!host.initializing()) throw fsError('ForbiddenError', 'open() failed; reason: opening a file is allowed only in the Init context');
      if (path === undefined || path === null) throw fsError('TypeError', 'open() failed; reason: path cannot be null or undefined');
      const [found, number, size] = host.fileOpen(String(path));
      if (size < 0) throw fsError(number, found);
      return new File(found, number, size);
    }),
    SeekMode,
  };

  const source = (file, what) => {
    if (file === undefined || file === null) throw goError(`${what} takes at least one non-nil source argument`);
    if (!(file instanceof File)) throw goError('first argument expected to be a fs.File instance');
    const { at } = file;
    file.at = file.size;
    return [file.number, at];
  };
  const arrays = new Map();
  class Parser {
    constructor(file, options) {
      if (!host.initializing()) throw goError('csv Parser constructor must be called in the init context');
      Object.defineProperty(this, 'number', { value: host.csvOpen(...source(file, 'csv Parser constructor'), options) });
    }
    next() { return promised(() => host.csvNext(this.number)); }
  }
  modules['k6/experimental/csv'] = {
    Parser,
    parse: (file, options) => promised(() => {
      const [key, rows] = host.csvParse(...source(file, 'csv.parse'), options, [...arrays.keys()]);
      if (!arrays.has(key)) arrays.set(key, host.shared(rows));
      return arrays.get(key);
    }),
  };

  const secretsOf = (name) => ({ get: (key) => promised(() => host.secret(name, String(key))) });
  modules['k6/secrets'] = { default: { ...secretsOf('default'), source: (name) => secretsOf(String(name)) } };

  modules['k6/timers'] = { setTimeout, clearTimeout, setInterval, clearInterval };
})

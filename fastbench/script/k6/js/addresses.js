// The jslib module url: URL and URLSearchParams as the URL Standard has them, over the operations in `host`.
(function (host, modules) {
  'use strict';

  const missing = (what, count, given) => {
    if (given < count) throw new TypeError(`${what} requires ${count} argument${count === 1 ? '' : 's'}, but only ${given} present`);
  };
  const text = (value) => String(value).toWellFormed();

  // application/x-www-form-urlencoded
  const signs = { '!': '%21', '\'': '%27', '(': '%28', ')': '%29', '~': '%7E', '%20': '+' };
  const written = (value) => encodeURIComponent(value).replace(/[!'()~]|%20/g, (sign) => signs[sign]);
  const read = (value) => {
    const spaced = value.replace(/\+/g, ' ');
    try {
      return decodeURIComponent(spaced);
    } catch (error) {
      return host.unquote(spaced);
    }
  };
  const parsed = (query) => query.split('&').filter(Boolean).map((part) => {
    const at = part.indexOf('=');
    return at < 0 ? [read(part), ''] : [read(part.slice(0, at)), read(part.slice(at + 1))];
  });
  const pairsOf = (given) => {
    if (given === undefined) return [];
    if (given === null || (typeof given !== 'object' && typeof given !== 'function')) return parsed(text(given).replace(/^\?/, ''));
    if (typeof given[Symbol.iterator] === 'function') {
      return Array.from(given, (pair) => {
        const both = Array.from(pair, text);
        if (both.length !== 2) throw new TypeError('each pair of URLSearchParams must have a name and a value');
        return both;
      });
    }
    return Reflect.ownKeys(given).filter((name) => typeof name === 'string' && Object.getOwnPropertyDescriptor(given, name).enumerable)
      .map((name) => [text(name), text(given[name])]);
  };

  let link;  // of a URLSearchParams to its URL
  class URLSearchParams {
    #pairs;
    #changed = () => {};
    constructor(given) { this.#pairs = pairsOf(given); }
    static {
      link = (params, query, changed) => {
        if (query !== undefined) params.#pairs = parsed(query);
        if (changed !== undefined) params.#changed = changed;
      };
    }
    get size() { return this.#pairs.length; }
    append(...given) {
      missing('append()', 2, given.length);
      this.#pairs.push(given.slice(0, 2).map(text));
      this.#changed();
    }
    delete(...given) {
      missing('delete()', 1, given.length);
      const has = this.#matching(given);
      this.#pairs = this.#pairs.filter((pair) => !has(pair));
      this.#changed();
    }
    get(...given) {
      missing('get()', 1, given.length);
      const found = this.#pairs.find(this.#matching(given.slice(0, 1)));
      return found === undefined ? null : found[1];
    }
    getAll(...given) {
      missing('getAll()', 1, given.length);
      return this.#pairs.filter(this.#matching(given.slice(0, 1))).map((pair) => pair[1]);
    }
    has(...given) {
      missing('has()', 1, given.length);
      return this.#pairs.some(this.#matching(given));
    }
    set(...given) {
      missing('set()', 2, given.length);
      const [name, value] = given.map(text);
      const at = this.#pairs.findIndex((pair) => pair[0] === name);
      if (at < 0) this.#pairs.push([name, value]);
      else {
        this.#pairs = this.#pairs.filter((pair, i) => i <= at || pair[0] !== name);
        this.#pairs[at] = [name, value];
      }
      this.#changed();
    }
    sort() {
      this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      this.#changed();
    }
    forEach(callback, self) {
      for (const [name, value] of this) callback.call(self, value, name, this);
    }
    *entries() { for (let i = 0; i < this.#pairs.length; i++) yield [...this.#pairs[i]]; }
    *keys() { for (const [name] of this) yield name; }
    *values() { for (const [, value] of this) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return this.#pairs.map(([name, value]) => `${written(name)}=${written(value)}`).join('&'); }
    #matching([name, value]) {
      const wanted = text(name);
      if (value === undefined) return (pair) => pair[0] === wanted;
      const also = text(value);
      return (pair) => pair[0] === wanted && pair[1] === also;
    }
  }

  const queryOf = (href) => {
    const [whole] = href.split('#', 1);
    const at = whole.indexOf('?');
    return at < 0 ? '' : whole.slice(at + 1);
  };
  const invalid = (what) => new TypeError(`Invalid URL: ${what}`);

  class URL {
    #href;
    #parts;         // what Python has taken the address apart into, or nothing yet
    #params;
    #stale = false; // the parameters were changed: the address is behind
    constructor(...given) {
      missing('URL', 1, given.length);
      this.#href = parse(given);
      if (this.#href === undefined) throw invalid(text(given[0]));
    }
    static canParse(...given) {
      missing('canParse()', 1, given.length);
      return parse(given) !== undefined;
    }
    static parse(...given) {
      missing('parse()', 1, given.length);
      return URL.canParse(...given) ? new URL(...given) : null;
    }
    get href() {
      if (this.#stale) {
        this.#stale = false;
        this.#href = host.urlSet(this.#href, 'search', this.#params.toString());
      }
      return this.#href;
    }
    set href(value) {
      const found = parse([value]);
      if (found === undefined) throw invalid(text(value));
      this.#stale = false;
      this.#moved(found);
    }
    get searchParams() {
      if (this.#params === undefined) {
        this.#params = new URLSearchParams();
        link(this.#params, queryOf(this.#href), () => { this.#stale = true; this.#parts = undefined; });
      }
      return this.#params;
    }
    toString() { return this.href; }
    toJSON() { return this.href; }
    #moved(href) {
      this.#href = href;
      this.#parts = undefined;
      if (this.#params !== undefined) link(this.#params, queryOf(href));
    }
    static {
      const names = ['origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash'];
      names.forEach((name, i) => Object.defineProperty(URL.prototype, name, {
        enumerable: true, configurable: true,
        get() {
          const { href } = this;
          if (this.#parts === undefined) this.#parts = host.urlParts(href);
          return this.#parts[i];
        },
        set: name === 'origin' ? undefined : function set(value) { this.#moved(host.urlSet(this.href, name, text(value))); },
      }));
    }
  }
  // The address in full, or undefined where it is none.
  const parse = ([url, base]) => host.urlParse(text(url), base === undefined ? null : text(base));
  for (const each of [URL, URLSearchParams]) {
    Object.defineProperty(each.prototype, Symbol.toStringTag, { value: each.name, configurable: true });
  }

  modules['jslib/url'] = { URL, URLSearchParams };
})

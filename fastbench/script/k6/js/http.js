// k6/http, over the operations in `host`. Parameters of a request stay an object until Python has not
// seen their like before; see value_key in users.c.
(function (host, modules) {
  'use strict';

  const once = (object, name, value) => {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
    return value;
  };
  const lazy = (prototype, names) => {
    for (const [name, read] of Object.entries(names)) {
      Object.defineProperty(prototype, name, {
        enumerable: true, configurable: true,
        get() { return once(this, name, read(this)); },
        set(value) { once(this, name, value); },
      });
    }
  };

  const goError = (text) => host.makeError(['GoError', text]);
  const sent = Symbol('the body that was sent');
  class Response {
    json(selector) {
      if (selector !== undefined) return host.select(this, String(selector));
      try {
        return host.json(this);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        throw host.makeError(['GoError', `cannot parse json due to an error: ${error.message}`]);
      }
    }
    html(selector) { return host.html(this, selector); }
    submitForm(options) { return host.submitForm(this, options); }
    clickLink(options) { return host.clickLink(this, options); }
  }
  Object.defineProperty(Response.prototype, 'status', {
    enumerable: true, configurable: true, get: host.number, set(value) { once(this, 'status', value); },
  });
  lazy(Response.prototype, {
    body: (response) => { const body = host.body(response); return body === undefined ? null : body; },
    headers: host.headers, cookies: host.cookies,
    timings: (response) => {
      const ms = host.timings(response);
      return {
        duration: ms[0], blocked: ms[1], looking_up: 0, connecting: ms[2], tls_handshaking: ms[3],
        sending: ms[4], waiting: ms[5], receiving: ms[6],
      };
    },
    error: host.error, error_code: host.errorCode, url: host.url, request: (response) => host.request(response, response[sent]),
    proto: host.proto,
    remote_ip: (response) => host.remote(response)[0], remote_port: (response) => host.remote(response)[1],
    status_text: host.statusText, tls_version: (response) => host.tls(response)[0], tls_cipher_suite: (response) => host.tls(response)[1],
    // No server is asked to staple a status, so that of a certificate is unknown.
    ocsp: (response) => ({
      produced_at: 0, this_update: 0, next_update: 0, revoked_at: 0, revocation_reason: '',
      status: host.tls(response)[0] ? 'unknown' : '',
    }),
  });
  Response.prototype.toJSON = function toJSON() {
    const all = {};
    for (const name of ['remote_ip', 'remote_port', 'url', 'status', 'status_text', 'proto', 'headers', 'cookies',
      'body', 'timings', 'tls_version', 'tls_cipher_suite', 'ocsp', 'error', 'error_code', 'request']) {
      all[name] = this[name];
    }
    return all;
  };
  host.responsePrototype = Response.prototype;

  class FileData {
    constructor(data, filename, content_type) { Object.assign(this, { data, filename, content_type }); }
  }
  const address = (url) => {
    if (typeof url === 'string') return url;
    if (url !== null && typeof url === 'object' && typeof url.url === 'string' && 'name' in url) return url;
    return `\0${url === null || url === undefined ? '<nil>' : url}`;  // no text: see k6_urls.py
  };
  // The name of an http.url`…` goes along as a tag.
  const named = (url, params) => {
    const tags = { name: url.name, ...(params && params.tags) };
    return { ...params, tags };
  };
  const bodyOf = (body) => {
    if (body === undefined || body === null) return null;
    if (typeof body === 'string') return body;
    if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return host.bytes(body);
    if (typeof body === 'object') return { fields: Object.entries(body).map(([name, value]) => [name, fieldOf(value)]) };
    return String(body);
  };
  const textOf = (value) => {
    if (value === null || value === undefined) return '';
    if (typeof value !== 'object') return String(value);
    console.warn('a form has no objects in its values; such a value is sent empty: give JSON.stringify() of it, or a text');
    return '';
  };
  const fieldOf = (value) => {
    if (value instanceof FileData) return { file: [value.data, value.filename, value.content_type] };
    return Array.isArray(value) ? value.map(textOf) : textOf(value);
  };
  function send(method, url, body, params) {
    const response = typeof url === 'string' ? host.send(method, url, body, params) : sendTo(method, address(url), body, params);
    if (body !== null) response[sent] = body;
    return response;
  }
  const sendTo = (method, target, body, params) => (typeof target === 'string' ? host.send(method, target, body, params)
    : host.send(method, target.url, body, named(target, params)));

  const http = {
    get: (url, params) => send('GET', url, null, params),
    head: (url, params) => send('HEAD', url, null, params),
    request: (method, url, body, params) => send(String(method).toUpperCase(), url, bodyOf(body), params),
    asyncRequest: (method, url, body, params) => host.promised((id) => {
      const target = address(url);
      const plain = typeof target === 'string';
      host.sendAside(id, String(method).toUpperCase(), plain ? target : target.url, bodyOf(body), plain ? params : named(target, params));
    }),
    file(data, filename, type) {
      if (typeof data !== 'string' && !(data instanceof ArrayBuffer) && !ArrayBuffer.isView(data) && !Array.isArray(data)) {
        throw host.makeError(['GoError', `invalid type ${data === null ? 'null' : typeof data}, expected string or ArrayBuffer`]);
      }
      return new FileData(
        data, filename === undefined ? String(host.now() * 1000000) : String(filename),
        type === undefined ? 'application/octet-stream' : String(type));
    },
    url(parts, ...values) {
      if (!Array.isArray(parts) || !('raw' in parts)) return String(parts);
      let url = parts[0];
      let name = parts[0];
      values.forEach((value, i) => { url += String(value) + parts[i + 1]; name += '${}' + parts[i + 1]; });
      return { url, name, clean_url: url, toString() { return url; } };
    },
    expectedStatuses: (...statuses) => host.expectedStatuses(statuses),
    setResponseCallback(callback) { host.setResponseCallback(callback === undefined ? null : callback); },
    batch(...given) {
      if (given.length === 0) throw goError('no argument was provided to http.batch()');
      if (given.length > 1) throw goError('http.batch() accepts only an array or an object of requests');
      const [requests] = given;
      if (requests === null || typeof requests !== 'object') throw goError(`invalid http.batch() argument type ${typeof requests}`);
      const listed = Array.isArray(requests);
      const names = listed ? Array.from(requests, (_, at) => at) : Object.keys(requests);
      const asked = names.map((name) => one(requests[name], name));
      const answers = host.batch(asked);
      answers.forEach((answer, i) => { if (typeof asked[i] !== 'string' && asked[i][2] !== null) answer[sent] = asked[i][2]; });
      // Where an entry is no request, those behind it have no response: see k6_batch.py.
      if (listed) return names.map((at) => (at < answers.length ? answers[at] : null));
      return Object.fromEntries(answers.map((answer, i) => [names[i], answer]));
    },
  };
  for (const [name, method] of Object.entries({ post: 'POST', put: 'PUT', patch: 'PATCH', del: 'DELETE', options: 'OPTIONS' })) {
    http[name] = (url, body, params) => send(method, url, bodyOf(body), params);
  }
  const isAddress = (value) => 'url' in value && 'name' in value && 'clean_url' in value;  // of http.url`…`
  // One entry of a batch as method, URL, body and params; a text says why it is none.
  const one = (request, key) => {
    if (request === null || typeof request !== 'object' || isAddress(request)) return entry('GET', request);
    if (Array.isArray(request)) {
      if (request.length < 2) return `invalid batch request '${JSON.stringify(request)}': it needs a method and a URL`;
      return entry(...request);
    }
    if (!('url' in request)) return `batch request ${key} doesn't have a url key`;
    if (!('method' in request)) return entry('GET', request.url, request.body, request.params);
    const { method, url, body, params } = request;
    return entry(method, url, /^(get|head)$/i.test(method) ? null : body, params);
  };
  const entry = (method, url, body, params = null) => {
    if (typeof method !== 'string') return `invalid method type '${method}'`;
    const target = address(url);
    const plain = typeof target === 'string';
    return [method.toUpperCase(), plain ? target : target.url, bodyOf(body), plain ? params : named(target, params)];
  };

  class CookieJar {
    constructor() { this.number = host.newJar(); }
    cookiesForURL(url) { return host.jarCookies(this.number, String(url)); }
    set(url, name, value, options) {
      return host.setCookie(this.number, String(url), String(name), String(value), options === undefined ? {} : options);
    }
    clear(url) { host.clearCookies(this.number, String(url), null); }
    delete(url, name) { host.clearCookies(this.number, String(url), String(name)); }
  }
  http.CookieJar = CookieJar;
  http.cookieJar = () => Object.defineProperty(Object.create(CookieJar.prototype), 'number', { value: 0, enumerable: true });
  Object.assign(http, {
    TLS_1_0: 'tls1.0', TLS_1_1: 'tls1.1', TLS_1_2: 'tls1.2', TLS_1_3: 'tls1.3',
    OCSP_STATUS_GOOD: 'good', OCSP_STATUS_REVOKED: 'revoked', OCSP_STATUS_UNKNOWN: 'unknown',
    OCSP_STATUS_SERVER_FAILED: 'server_failed',
  });
  for (const reason of ['unspecified', 'key_compromise', 'ca_compromise', 'affiliation_changed', 'superseded',
    'cessation_of_operation', 'certificate_hold', 'remove_from_crl', 'privilege_withdrawn', 'aa_compromise']) {
    http[`OCSP_REASON_${reason.toUpperCase()}`] = reason;
  }
  modules['k6/http'] = http;
})

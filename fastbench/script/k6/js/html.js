// k6/html, over the steps in `host`: selections and elements are objects of Python with these prototypes.
(function (host, modules) {
  'use strict';

  const steps = [
    'add', 'attr', 'children', 'closest', 'contents', 'data', 'end', 'eq', 'filter', 'find', 'first', 'get', 'has', 'html', 'index',
    'is', 'last', 'next', 'nextAll', 'nextUntil', 'not', 'parent', 'parents', 'parentsUntil', 'prev', 'prevAll', 'prevUntil',
    'serialize', 'serializeArray', 'serializeObject', 'siblings', 'single', 'size', 'slice', 'text', 'toArray', 'val',
  ];
  const given = (args) => {
    while (args.length && args[args.length - 1] === undefined) args.pop();
    return args;
  };
  const method = (prototype, name, value) => {
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true, enumerable: true });
  };
  const callback = (call, name) => {
    if (typeof call !== 'function') throw host.makeError(['GoError', `the argument to ${name}() must be a function`]);
  };

  class Selection {}
  for (const name of steps) {
    method(Selection.prototype, name, function (...args) { return host.domStep(this, name, given(args)); });
  }
  const { attr, data, filter, is, not } = Selection.prototype;
  const places = (selection, holds) => selection.toArray().map((each, i) => (holds(i, each) ? i : -1)).filter((i) => i >= 0);
  Object.defineProperty(Selection.prototype, 'url', { enumerable: true, get() { return host.domStep(this, 'url', []); } });
  method(Selection.prototype, 'attr', function (name, ...defaults) {
    const found = attr.call(this, String(name));
    return found === undefined ? defaults[0] : found;
  });
  method(Selection.prototype, 'data', function (...names) {
    const found = data.apply(this, names);
    if (names.length || found === undefined) return found;
    return Object.fromEntries(Object.entries(found).map(([name, each]) => [name, each === null ? undefined : each]));
  });
  method(Selection.prototype, 'each', function (call) {
    callback(call, 'each');
    this.get().forEach((element, i) => { call(i, element); });
    return this;
  });
  method(Selection.prototype, 'map', function (call) {
    callback(call, 'map');
    const values = [];
    this.toArray().forEach((each, i) => {
      try {
        values.push(call(i, each));
      } catch (error) {
        // k6 leaves out what could not be made
      }
    });
    return values;
  });
  method(Selection.prototype, 'filter', function (what) {
    return typeof what === 'function' ? host.domStep(this, 'keep', [places(this, what)]) : filter.call(this, what);
  });
  method(Selection.prototype, 'not', function (what) {
    return typeof what === 'function' ? host.domStep(this, 'keep', [places(this, (i, each) => !what(i, each))]) : not.call(this, what);
  });
  method(Selection.prototype, 'is', function (what) {
    return typeof what === 'function' ? places(this, what).length > 0 : is.call(this, what);
  });
  host.selectionPrototype = Selection.prototype;

  class Attribute {
    constructor({ name, value, owner_element }) { Object.assign(this, { owner_element, name, value }); }
    prefix() { return ''; }
    namespaceURI() { return 'http://www.w3.org/1999/xhtml'; }
    localName() { return this.name; }
  }
  const wrappers = {
    getAttributeNode: (found) => (found === undefined ? undefined : new Attribute(found)),
    attributes: (found) => Object.fromEntries(Object.entries(found).map(([name, each]) => [name, new Attribute(each)])),
  };
  class Element {}
  // Prototypes by tag, of the names of their methods by tag; those of "" are for all elements.
  host.makeElements = (names) => {
    const add = (prototype, name) => {
      const wrap = Object.hasOwn(wrappers, name) ? wrappers[name] : undefined;
      method(prototype, name, wrap
        ? function (...args) { return wrap(host.domAsk(this, name, given(args))); }
        : function (...args) { return host.domAsk(this, name, given(args)); });
    };
    names[''].forEach((name) => add(Element.prototype, name));
    const made = { '': Element.prototype };
    for (const tag of Object.keys(names)) {
      if (tag !== '') {
        made[tag] = Object.create(Element.prototype);
        names[tag].forEach((name) => add(made[tag], name));
      }
    }
    return made;
  };

  const option = (options, name, otherwise) => (
    options === undefined || options === null || options[name] === undefined ? otherwise : options[name]);
  const missing = (text) => host.makeError(['GoError', text]);
  host.submitForm = (response, options) => {
    const selector = String(option(options, 'formSelector', 'form'));
    const form = response.html(selector);
    if (form.size() === 0) throw missing(`no form found for selector '${selector}' in response '${response.url}'`);
    const verb = String(form.attr('method', 'GET')).toUpperCase();
    const target = host.domJoin(response.url, form.attr('action', ''));
    const values = form.serializeObject();
    const submit = form.find(String(option(options, 'submitSelector', '[type="submit"]')));
    if (submit.attr('name') !== undefined && submit.val() !== undefined) values[submit.attr('name')] = submit.val();
    Object.assign(values, option(options, 'fields', {}));
    const params = option(options, 'params', null);
    if (verb !== 'GET') return modules['k6/http'].request(verb, target, values, params);
    const query = host.domQuery(Object.entries(values).map(([name, value]) => [name, String(value)]));
    return modules['k6/http'].request(verb, `${target.replace(/[?#].*$/s, '')}?${query}`, null, params);
  };
  host.clickLink = (response, options) => {
    const selector = String(option(options, 'selector', 'a[href]'));
    const link = response.html(selector);
    if (link.size() === 0) throw missing(`no element found for selector '${selector}' in response '${response.url}'`);
    const href = link.attr('href');
    if (href === undefined) {
      throw missing(`no valid href attribute value found on element '${selector}' in response '${response.url}'`);
    }
    return modules['k6/http'].request('GET', host.domJoin(response.url, href), null, option(options, 'params', null));
  };
  modules['k6/html'] = { parseHTML: (text) => host.parseHTML(String(text)) };
})

// require() and modules of CommonJS: a file's code is compiled once a worker and run once for each
// user, whose modules are kept by that user's global object.
(function (host, modules) {
  'use strict';

  const users = new WeakMap();
  const kept = () => {
    const user = globalThis;
    if (!users.has(user)) users.set(user, { files: new Map(), namespaces: new Map() });
    return users.get(user);
  };
  const load = (file) => {
    const { files } = kept();
    let module = files.get(file);
    if (module === undefined) {
      module = { exports: {} };
      files.set(file, module);      // before it runs: modules may ask for each other
      try {
        host.commonjs(file).call(module.exports, module, module.exports, requirer(file));
        if (module.exports === null || module.exports === undefined) {
          throw host.makeError(['GoError', 'CommonJS\'s exports must not be null']);
        }
      } catch (error) {
        files.delete(file);
        throw error;
      }
    }
    return module.exports;
  };
  // As what a compiler made of `import http from 'k6/http'` looks at it.
  const shown = (module) => {
    if (!('default' in module)) Object.defineProperties(module, { default: { value: module }, __esModule: { value: true } });
    return module;
  };
  const requirer = (base) => function require(name) {
    if (!host.initializing()) {
      throw host.makeError(['GoError', 'The "require" function is only available in the init stage (i.e. the global scope)']);
    }
    if (name === undefined || name === '') throw host.makeError(['GoError', 'require() can\'t be used with an empty specifier']);
    const [kind, file, text] = host.resolve(base, String(name));
    if (kind === 'built-in') return shown(modules[file]);
    if (kind === 'commonjs') return load(file);
    const { files, namespaces } = kept();
    if (kind === 'json') {
      if (!files.has(file)) files.set(file, { exports: JSON.parse(text) });
      return files.get(file).exports;
    }
    if (namespaces.has(file)) return namespaces.get(file);
    throw host.makeError(['GoError', `require() of ${name}, which is an ES module, needs its name as a literal`]);
  };
  // ES modules that a module asks for by require() are imported ahead of it, and found here.
  const keep = (file, namespace) => kept().namespaces.set(file, namespace);
  host.commonjsModule = { load, requirer, keep };
})

// k6/x/sql and its drivers, over the operations in `host`. A database is one worker's, a handle one user's.
(function (host, modules) {
  'use strict';

  const goError = (text) => host.makeError(['GoError', text]);
  const drivers = new Map();
  for (const name of ['postgres', 'pgx', 'mysql', 'sqlite3']) {
    const driver = Symbol(name);
    drivers.set(driver, name);
    modules[`k6/x/sql/driver/${name}`] = { default: driver };
  }
  const seconds = (text) => {
    if (typeof text === 'number') return text / 1000;
    return host.sqlSeconds(String(text));
  };
  const textOf = (query) => {
    if (typeof query !== 'string') throw goError(`a query is a string, not ${typeof query}`);
    return query;
  };

  class Result {
    constructor([changed, id, refusal]) {
      Object.defineProperty(this, 'values', { value: { changed, id, refusal } });
    }
    rowsAffected() { return this.values.changed; }
    lastInsertId() {
      if (this.values.refusal) throw goError(this.values.refusal);
      return this.values.id;
    }
  }
  class Database {
    constructor(number) { Object.defineProperty(this, 'number', { value: number }); }
    query(text, ...args) { return host.sqlQuery(this.number, textOf(text), args, 0); }
    exec(text, ...args) { return new Result(host.sqlExec(this.number, textOf(text), args, 0)); }
    queryWithTimeout(timeout, text, ...args) { return host.sqlQuery(this.number, textOf(text), args, seconds(timeout)); }
    execWithTimeout(timeout, text, ...args) {
      return new Result(host.sqlExec(this.number, textOf(text), args, seconds(timeout)));
    }
    close() { host.sqlClose(this.number); }
  }
  const of = (database) => {
    if (!(database instanceof Database)) throw new TypeError('the first argument is a database that sql.open() returned');
    return database;
  };
  modules['k6/x/sql'] = {
    open(driver, dsn, options) {
      const name = typeof driver === 'symbol' ? drivers.get(driver) : driver;
      if (typeof name !== 'string') throw goError('unsupported database: invalid driver parameter type');
      return new Database(host.sqlOpen(name, dsn === undefined || dsn === null ? '' : String(dsn), options));
    },
    query: (database, text, ...args) => of(database).query(text, ...args),
    exec: (database, text, ...args) => of(database).exec(text, ...args),
  };
})

// k6/x/redis and k6/experimental/redis over the operations in `host`. Connections are one worker's.
(function (host, modules) {
  'use strict';

  const goError = (text) => host.makeError(['GoError', text]);
  const written = (value, at) => {
    if (typeof value === 'string') return value;
    if (typeof value === 'number') return String(value);
    if (typeof value === 'boolean') return value ? '1' : '0';
    throw goError(`unsupported type provided for argument at index ${at}, supported types are string, number, and boolean`);
  };
  // How the answer of a command is read: as it is, as true or false, as an object, or as what must be there.
  const plain = (value) => value;
  const flag = (value) => value === 1;
  const there = (value) => {
    if (value === null || value === undefined) throw goError('redis: nil');
    return value;
  };
  const pairs = (list) => {
    const found = {};
    for (let i = 0; i + 1 < list.length; i += 2) found[list[i]] = list[i + 1];
    return found;
  };
  const commands = {
    get: ['GET', there], getSet: ['GETSET', there], del: ['DEL', plain], getDel: ['GETDEL', there],
    exists: ['EXISTS', plain], incr: ['INCR', plain], incrBy: ['INCRBY', plain], decr: ['DECR', plain],
    decrBy: ['DECRBY', plain], randomKey: ['RANDOMKEY', there], mget: ['MGET', plain],
    expire: ['EXPIRE', flag], ttl: ['TTL', plain], persist: ['PERSIST', flag],
    lpush: ['LPUSH', plain], rpush: ['RPUSH', plain], lpop: ['LPOP', there], rpop: ['RPOP', there],
    lrange: ['LRANGE', plain], lindex: ['LINDEX', there], lset: ['LSET', plain], lrem: ['LREM', plain],
    llen: ['LLEN', plain], hset: ['HSET', plain], hsetnx: ['HSETNX', flag], hget: ['HGET', there],
    hdel: ['HDEL', plain], hgetall: ['HGETALL', pairs], hkeys: ['HKEYS', plain], hvals: ['HVALS', plain],
    hlen: ['HLEN', plain], hincrby: ['HINCRBY', plain], sadd: ['SADD', plain], srem: ['SREM', plain],
    sismember: ['SISMEMBER', flag], smembers: ['SMEMBERS', plain], srandmember: ['SRANDMEMBER', there],
    spop: ['SPOP', there],
  };
  const call = (client, words, read) => {
    if (host.initializing()) {
      return Promise.reject(goError('connecting to a redis server in the init context is not supported'));
    }
    try {
      const args = words.map((value, i) => written(value, i - 1));
      return host.promised((id) => host.redisCall(id, client.number, args)).then(read);
    } catch (error) {
      return Promise.reject(error);
    }
  };

  class Client {
    constructor(options) {
      if (typeof options !== 'string' && (options === null || typeof options !== 'object')) {
        throw goError(`invalid options type: ${typeof options}; expected string or object`);
      }
      Object.defineProperty(this, 'number', { value: host.redisOpen(options) });
    }
    set(key, value, expiration) {
      return call(this, expiration > 0 ? ['SET', key, value, 'EX', Math.trunc(expiration)] : ['SET', key, value], plain);
    }
    sendCommand(command, ...args) { return call(this, [command, ...args], there); }
    isConnected() { return !host.initializing(); }
  }
  for (const [name, [command, read]] of Object.entries(commands)) {
    Object.defineProperty(Client.prototype, name, {
      configurable: true, writable: true, value(...args) { return call(this, [command, ...args], read); },
    });
  }
  modules['k6/x/redis'] = { Client };
  modules['k6/experimental/redis'] = { Client };
})

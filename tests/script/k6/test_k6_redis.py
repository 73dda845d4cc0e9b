"""k6/x/redis and k6/experimental/redis on the redis operations, with answers as k6 gives them."""

from __future__ import annotations

from pathlib import Path

import pytest
from databases import redis
from running import fastbench

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

SCRIPT = """
import redis from 'k6/experimental/redis';
import { Client } from 'k6/x/redis';
import { check } from 'k6';
const c = new redis.Client(__ENV.REDIS_URL);
const other = new Client({
  socket: { host: '127.0.0.1', port: Number(__ENV.PORT), poolSize: 5 }, database: 1,
});
const said = [];
const say = async (name, promise, wanted) => {
  let found;
  try { found = JSON.stringify(await promise); } catch (e) { found = e.message; }
  said.push(`${name} ${found}`);
  check(found, { [name]: (text) => text === wanted });
};
const none = 'redis: nil';
export default async function () {
  await say('set', c.set('a', 1, 100), '"OK"');
  await say('set true', c.set('t', true), '"OK"');
  await say('get', c.get('a'), '"1"');
  await say('get true', c.get('t'), '"1"');
  await say('get none', c.get('zz'), none);
  await say('getSet', c.getSet('a', 'x'), '"1"');
  await say('exists', c.exists('a', 't', 'q'), '2');
  await say('incr', c.incr('n'), '1');
  await say('incrBy', c.incrBy('n', 5), '6');
  await say('decr', c.decr('n'), '5');
  await say('decrBy', c.decrBy('n', 2), '3');
  await say('not a number', c.incr('a'), 'ERR value is not an integer or out of range');
  await say('mget', c.mget('n', 'zz'), '["3",null]');
  await say('expire', c.expire('n', 100), 'true');
  await say('expire none', c.expire('zz', 100), 'false');
  await say('ttl', c.ttl('n'), '100');
  await say('persist', c.persist('n'), 'true');
  await say('getDel', c.getDel('n'), '"3"');
  await say('del', c.del('a', 't'), '2');
  await say('randomKey', c.randomKey(), none);
  await say('lpush', c.lpush('l', 'a', 'b', 3), '3');
  await say('rpush', c.rpush('l', 'z'), '4');
  await say('lpop', c.lpop('l'), '"3"');
  await say('rpop', c.rpop('l'), '"z"');
  await say('lrange', c.lrange('l', 0, -1), '["b","a"]');
  await say('lindex', c.lindex('l', 0), '"b"');
  await say('lindex none', c.lindex('l', 9), none);
  await say('lset', c.lset('l', 0, 'q'), '"OK"');
  await say('lrem', c.lrem('l', 1, 'q'), '1');
  await say('llen', c.llen('l'), '1');
  await say('hset', c.hset('h', 'f', 1), '1');
  await say('hsetnx', c.hsetnx('h', 'f', 'v'), 'false');
  await say('hget', c.hget('h', 'f'), '"1"');
  await say('hgetall', c.hgetall('h'), '{"f":"1"}');
  await say('hkeys', c.hkeys('h'), '["f"]');
  await say('hvals', c.hvals('h'), '["1"]');
  await say('hlen', c.hlen('h'), '1');
  await say('hincrby', c.hincrby('h', 'f', 3), '4');
  await say('hdel', c.hdel('h', 'f'), '1');
  await say('sadd', c.sadd('s', 'x'), '1');
  await say('srandmember', c.srandmember('s'), '"x"');
  await say('sismember', c.sismember('s', 'x'), 'true');
  await say('smembers', c.smembers('s'), '["x"]');
  await say('spop', c.spop('s'), '"x"');
  await say('srem', c.srem('s', 'x'), '0');
  await say('sendCommand', c.sendCommand('ECHO', 'hi'), '"hi"');
  await say('other database', other.get('l'), none);
  await say('wrong kind', c.get('l'),
    'WRONGTYPE Operation against a key holding the wrong kind of value');
  await say('type', c.set('a', { x: 1 }), 'unsupported type provided for argument at index 1, '
    + 'supported types are string, number, and boolean');
  const both = await Promise.all([c.incr('m'), c.incr('m')]);
  check(both, { 'at once': (b) => b.join() === '1,2' });
  await c.del('m', 'l');
}
"""


def test_commands_answer_as_in_k6_and_are_operations(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_text(SCRIPT)
    with redis() as url:
        port = url.rpartition(":")[2].partition("/")[0]
        more = ("-e", f"REDIS_URL={url}", "-e", f"PORT={port}", "-i", "2")
        found = fastbench("run", str(path), "-q", *more)
    assert found.document["exceptions"] == []
    failed = [row["name"] for row in found.document["checks"] if row["fails"]]
    assert failed == [] and len(found.document["checks"]) == 50, failed
    rows = {row["name"]: row for row in found.document["requests"]}
    assert rows["incr"]["requests"] == 8 and rows["incr"]["kind"] == "redis"
    assert rows["incr"]["failed"] == 2  # one that no number was, in each iteration


@pytest.mark.parametrize(
    ("text", "said"),
    {
        "new redis.Client('http://x')": "is no URL of a Redis",
        "new redis.Client(5)": "invalid options type",
        "new redis.Client({ cluster: { nodes: [] } })": "cluster is not supported",
        "new redis.Client({ socket: { hots: 'x' } })": 'unknown field \\"hots\\"',
    }.items(),
)
def test_what_cannot_be_connected_is_refused_at_load(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "script.js"
    path.write_text(f"import redis from 'k6/x/redis';\n{text};\nexport default () => {{}};")
    found = fastbench("run", str(path), "-q")
    assert found.code == 107 and said.replace("\\", "") in found.err, found.err

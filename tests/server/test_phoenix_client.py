"""The topics of `fastbench serve` as Phoenix's own client has them (npm `phoenix`)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from embedded import serving
from npm_servers import modules
from real_servers import need

_STORY = """
globalThis.WebSocket = require("ws");
globalThis.window = globalThis;
const { Socket } = require("phoenix");
const seen = [];
const socket = () => {
    const one = new Socket(process.argv[2], { heartbeatIntervalMs: 20, transport: WebSocket });
    one.connect();
    return one;
};
const joined = one => new Promise((done, failed) => {
    const channel = one.channel("room:a", { who: "me" });
    channel.join().receive("ok", () => done(channel)).receive("error", failed);
});
const told = (channel, event) => new Promise(done => channel.on(event, done));
const replied = push => new Promise((done, failed) =>
    push.receive("ok", done).receive("error", failed).receive("timeout", failed));
(async () => {
    const one = socket(), other = socket();
    const mine = await joined(one), theirs = await joined(other);
    const text = told(theirs, "new_msg");
    seen.push(await replied(mine.push("new_msg", { body: "h\u00e9" })), await text);
    const bytes = told(theirs, "picture");
    await replied(mine.push("picture", new Uint8Array([0, 255, 7]).buffer));
    seen.push([...new Uint8Array(await bytes)]);
    const beaten = new Promise(done => one.onMessage(({ topic, event, payload }) => {
        if (topic === "phoenix" && event === "phx_reply") done(payload.status);
    }));
    seen.push(await beaten);
    const closed = new Promise(done => mine.onClose(() => done("closed")));
    await replied(mine.leave());
    seen.push(await closed, mine.state, theirs.state, one.isConnected());
    console.log(JSON.stringify(seen));
    process.exit(0);
})().catch(error => { console.log(JSON.stringify({ error: String(error) })); process.exit(1); });
"""


def test_channels_join_push_leave_and_beat(tmp_path: Path) -> None:
    node, packages = need("node"), modules()
    script = tmp_path / "story.js"
    script.write_text(_STORY)
    with serving("--port", "0") as (_, url):
        done = subprocess.run(
            [node, str(script), url.replace("http", "ws", 1) + "/socket"],
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "NODE_PATH": str(packages)},
        )
    assert done.returncode == 0, done.stdout + done.stderr
    reply, text, data, beat, *states = json.loads(done.stdout)
    assert (reply, text, data, beat) == ({}, {"body": "h\u00e9"}, [0, 255, 7], "ok")
    assert states == ["closed", "closed", "joined", True]

"""lua_threads.py: wrk's phases in their order, as wrk itself runs them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from embedded import serving
from wrk_scripts import LOCAL, threads

from fastbench.foundation.platforms import install_command
from fastbench.foundation.usage_error import UsageError
from fastbench.run.lua import lua_state
from fastbench.run.lua.lua_state import ScriptError

TEXTS = {  # of one request each: what a script's last line returns from request()
    "nothing given": ("", b"GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"),
    "method and path": (
        'wrk.format("PUT", "/a?b")',
        b"PUT /a?b HTTP/1.1\r\nHost: localhost:8080\r\n\r\n",
    ),
    "own headers keep the host": (
        'wrk.format(nil, nil, {["X-A"] = 5})',
        b"GET / HTTP/1.1\r\nX-A: 5\r\nHost: localhost:8080\r\n\r\n",
    ),
    "a body has its length": (
        'wrk.format("POST", nil, nil, "a\\0\\255\\n")',
        b"POST / HTTP/1.1\r\nHost: localhost:8080\r\nContent-Length: 4\r\n\r\na\0\xff\n",
    ),
    "a wrong length is not sent": (
        'wrk.format(nil, nil, {["Content-Length"] = 99, Host = "b"}, "x")',
        b"GET / HTTP/1.1\r\nHost: b\r\nContent-Length: 1\r\n\r\nx",
    ),
    "bytes of its own": ('"GET /x HTTP/1.0\\n\\n"', b"GET /x HTTP/1.0\n\n"),
}

# Prints what a script can see; the same in wrk and here, but for the order of tables.
SEEN = r"""
local function shown(text)
   local lines = {}
   for line in (text .. "\r\n"):gmatch("(.-)\r\n") do lines[#lines + 1] = line end
   table.sort(lines)
   return table.concat(lines, "|")
end
local threads = {}
function setup(thread)
   thread:set("id", #threads + 1)
   thread:set("flat", {x = 0.1, y = "two", z = true})
   threads[#threads + 1] = thread
   print("setup", type(thread), tostring(thread.addr), thread:get("top"), thread:get("none"))
end
top = "of the file"
function init(args)
   print("args", args[0], args[1], args[2], #args)
   print("wrk", wrk.scheme, wrk.host, wrk.port, wrk.path, wrk.method, wrk.body)
   print("thread", id, flat.x, flat.y, flat.z)
   print("own", tostring(wrk.thread.addr), wrk.thread:get("id"), type(wrk.thread.addr))
   wrk.thread:set("later", 7)
   print("later", later, require("wrk") == wrk, wrk.headers.Host, wrk.headers["X-H"])
   print("format", shown(wrk.format()))
   print("format", shown(wrk.format("PUT", "/p", {A = "b", Host = "h"}, "body")))
   print("format", shown(wrk.format(nil, nil, {A = 1})))
   wrk.body = "text"
   print("format", shown(wrk.format("POST")))
   wrk.body = nil
   local addrs = wrk.lookup(wrk.host, wrk.port)
   print("lookup", #addrs, tostring(addrs[1]), wrk.connect(addrs[1]))
   print("wrong", pcall(function() wrk.thread:set("x", print) end))
   print("wrong", (pcall(function() wrk.thread.other = 1 end)))
   count = 0
end
function response(status, headers, body)
   count = count + 1
end
function done(summary, latency, requests)
   print("done", type(summary), type(latency), latency(0), threads[1]:get("top"))
   print("errors", summary.errors.connect, summary.errors.status, summary.errors.timeout)
   print("counted", threads[1]:get("count") > 0, threads[1]:get("flat").y)
end
"""


def texts(source: str, count: int = 1) -> bytes:
    """Return what request() returned, with length and delay before each."""
    found = threads(source).state(0).call("texts", count, 1 << 20)
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_requests_are_formatted_as_in_wrk(name: str) -> None:
    returned, expected = TEXTS[name]
    source = f"function request() return {returned} end" if returned else ""
    assert texts(source) == b"%d 0\n%s" % (len(expected), expected)


def test_a_script_without_request_sends_what_stands_in_wrk_after_init() -> None:
    source = 'function init() wrk.method, wrk.path, wrk.headers.A = "HEAD", "/h", "b" end'
    states = threads(source)
    assert states.constant
    assert states.state(0).call("texts", 1, 1 << 20).startswith(b"48 0\nHEAD /h HTTP/1.1\r\n")


def test_each_thread_counts_for_itself_and_goes_on_from_batch_to_batch() -> None:
    states = threads(
        'n = 0\nfunction request() n = n + 1 return wrk.format(nil, "/" .. n) end', workers=2
    )
    one, two = states.state(0), states.state(1)
    made = [one.call("texts", 1, 1 << 20).split()[3] for _ in range(2)]
    assert made == [b"/1", b"/2"]
    assert two.call("texts", 1, 1 << 20).split()[3] == b"/1"
    assert one.call("texts", 3, 1 << 20).count(b"GET /") == 3


def test_a_delay_comes_with_each_text() -> None:
    source = (
        "local n = 0\nfunction delay() n = n + 1.5 return n end\nfunction request() return 'x' end"
    )
    assert texts(source, 3) == b"1 1500000\nx1 3000000\nx1 4500000\nx"


def test_answers_come_with_status_headers_and_body() -> None:
    states = threads(
        "seen = {}\nfunction response(status, headers, body)\n"
        " seen[#seen + 1] = {status, headers, body}\nend"
    )
    state = states.state(0)
    assert states.responds
    state.call("answers", b"200\n2\n6\nA\nb\nX-Empty\n\nbo\n\0\xffy404\n0\n0\n")
    kept = b"{n1;{n1;n200;n2;{%s}n3;s6:bo\n\0\xffy}n2;{n1;n404;n2;{}n3;s0:}}"
    either = [b"s1:As1:bs7:X-Emptys0:", b"s7:X-Emptys0:s1:As1:b"]
    assert state.call("get", b"seen") in [kept % each for each in either]


def test_setup_and_init_run_thread_by_thread_and_may_move_a_thread(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        states = threads(
            "local n = 0\nfunction setup(thread)\n n = n + 1\n print('setup', n)\n"
            f" if n == 2 then thread.addr = wrk.lookup('127.0.0.1', {port})[1] end\n"
            " thread:set('number', n)\nend\n"
            "function init() io.write('init ', number, ' ', tostring(wrk.thread.addr), '\\n') end",
            workers=2,
        )
    printed = f"setup\t1\ninit 1 127.0.0.1:8080\nsetup\t2\ninit 2 127.0.0.1:{port}\n"
    assert capfd.readouterr().out == printed
    assert states.endpoints(0) == (LOCAL,)
    assert [each.port for each in states.endpoints(1)] == [port]


def test_what_is_printed_leaves_standard_output_to_the_result(
    capfd: pytest.CaptureFixture[str],
) -> None:
    source = "print('a', nil, 2)\nio.write('b\\n')\nio.stdout:write('c\\n')"
    threads(source, prints_to_stderr=True)
    assert capfd.readouterr() == ("", "a\tnil\t2\nb\nc\n" * 2)  # the main state and a thread


def test_a_script_requires_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "paths.lua").write_text("return {first = '/from/beside'}")
    source = "local paths = require 'paths'\nfunction request() return paths.first end"
    states = threads(source, path=tmp_path / "load.lua")
    assert states.state(0).call("texts", 1, 1 << 20) == b"12 0\n/from/beside"


def test_values_travel_between_states_as_they_are() -> None:
    states = threads(
        "function setup(t)\n"
        " t:set('v', {1, 'two', {true, x = {y = 0.1}}, [10] = 1/0, [0.5] = -2})\n"
        " t:set('back', t:get('v'))\nend\n"
        "function init()\n assert(v[1] == 1 and v[2] == 'two' and v[3][1] == true and #v == 3)\n"
        " assert(back[3].x.y == 0.1 and back[10] == math.huge and back[0.5] == -2)\nend"
    )
    assert states.constant


def test_done_reads_what_was_measured_and_what_threads_kept(
    capfd: pytest.CaptureFixture[str],
) -> None:
    states = threads(
        "local all = {}\nfunction setup(thread) all[#all + 1] = thread end\n"
        "hits, names, big = 0, {}, nil\n"
        "function done(summary, latency, requests)\n"
        " print(summary.duration, summary.errors.read, latency.mean, latency:percentile(99))\n"
        " print(#latency, latency(1), latency(2))\n print(latency(3))\n"
        " print(requests:percentile(50))\n"
        " for _, t in ipairs(all) do print(t:get('hits'), t:get('names').x, t:get('nil')) end\n"
        " print(pcall(function() all[1]:stop() end))\n"
        "end",
        workers=2,
    )
    for number in range(2):
        states.state(number).call("set", b"hits", b"n%d;" % (number + 5))
        states.state(number).call("set", b"names", b"{s1:xs3:a\0b}")
        states.keep(number, states.globals(number))
    figures: dict[str, object] = {
        "min": 1,
        "max": 9,
        "mean": 2.5,
        "stdev": 0,
        "values": [1, 9],
        "counts": [3, 4],
    }
    states.done(
        {"duration": 1000, "errors": {"read": 3}},
        (figures, lambda percent: percent * 2),
        (figures, lambda percent: percent * 3),
    )
    assert capfd.readouterr().out.splitlines() == [
        *("1000\t3\t2.5\t198", "2\t1\t9\t4", "0\t0", "150"),
        *("5\ta\0b\tnil", "6\ta\0b\tnil"),
        "false\tload.lua:10: thread:stop() can only be called while the thread is running",
    ]


def test_a_machine_without_lua_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lupa", *lua_state.MODULES):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError) as caught:
        threads("")
    assert str(caught.value) == f"This script needs the library lupa: {install_command('lua')}"


DELAYS = "delay() must return milliseconds, 0 or more."
REFUSED = {
    "wrk.method = nil + 1": "load.lua, line 1: attempt to perform arithmetic on a nil value.",
    "\nwrk.method = = 1": "load.lua, line 2: unexpected symbol near '='.",
    "error({})": "load.lua failed with an error that has no text.",
    "function init() error('no\\nluck') end": "load.lua, line 1: no luck.",
    "require 'nowhere'": "load.lua, line 1: module 'nowhere' not found.",
    "function setup(t) t:set('f', print) end": (
        "load.lua, line 1: cannot transfer 'function' to thread."
    ),
    "function setup(t) local a = {} a.a = a t:set('a', a) end": (
        "load.lua, line 1: cannot transfer a table that is in itself, or nested too deep."
    ),
    "function setup(t) t.addr = '127.0.0.1:80' end": (
        "load.lua, line 1: thread.addr takes an address of wrk.lookup()."
    ),
    "function setup(t) t:stop() end": (
        "load.lua, line 1: thread:stop() can only be called while the thread is running."
    ),
    "function setup(t) t.get('x') end": "load.lua, line 1: use a colon, as in thread:get(name).",
    "function init() wrk.lookup('nowhere.invalid', 80) end": (
        "load.lua, line 1: unable to resolve nowhere.invalid:80:"
    ),
}


@pytest.mark.parametrize("source", REFUSED)
def test_an_error_is_one_sentence_with_file_and_line(source: str) -> None:
    with pytest.raises(ScriptError) as caught:
        threads(source)
    assert str(caught.value).startswith(REFUSED[source])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("function request() end", "load.lua: request() must return a string, not nil."),
        ("function delay() return -1 end", f"load.lua: {DELAYS}"),
        ("function delay() return 'x' end", f"load.lua: {DELAYS}"),
        ("function request()\n return x.y end", "load.lua, line 2: attempt to index global 'x'"),
    ],
)
def test_a_request_that_is_none_is_told(source: str, told: str) -> None:
    with pytest.raises(ScriptError) as caught:
        texts(source)
    assert str(caught.value).startswith(told)


def test_a_script_sees_what_it_sees_in_wrk(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = shutil.which("wrk")
    if program is None:
        pytest.skip("wrk is not installed")
    (tmp_path / "seen.lua").write_text(SEEN)
    with serving("--port", "0") as (_, address):
        url = f"{address.rstrip('/')}/?c=d"
        words = ["-t1", "-c1", "-d1s", "-H", "X-H: v", "-s", "seen.lua", url]
        command = [program, *words, "--", "one", "two"]
        run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        host, _, port = address.partition("//")[2].rstrip("/").partition(":")
        states = threads(
            SEEN,
            path=tmp_path / "seen.lua",
            host=host,
            port=int(port),
            target=b"/?c=d",
            headers=((b"X-H", b"v"),),
            arguments=(url.encode(), b"one", b"two"),
        )
    states.state(0).call("answers", b"200\n0\n0\n")
    states.keep(0, states.globals(0))
    figures: dict[str, object] = {"values": [], "counts": []}
    nothing = figures, lambda percent: percent
    errors = {"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}
    states.done({"errors": errors}, nothing, nothing)
    theirs = [line for line in run.stdout.splitlines() if "\t" in line]
    ours = [line for line in capfd.readouterr().out.splitlines() if "\t" in line]
    assert len(ours) > 15
    assert ours == theirs

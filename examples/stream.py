"""Five people ask a language model at once: how soon the first token comes, and how fast the rest.

Run it: `fastbench run examples/stream.py -e BASE_URL=https://staging.example`
"""

from fastbench import Gauge, Options, Vu, check, env, monitor, scenario, sleep

THINK_S = float(env("THINK_S", "1"))
TOKEN = env("TOKEN", "TEST_JWT")
ANSWERED = Gauge("requests_seen_by_server")

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    vus=5,
    duration="1m",
    thresholds={
        "http_stream_first_event{name:chat}": ["p(95)<500"],  # time to first token
        "http_stream_gap{name:chat}": ["avg<50"],  # 20 tokens a second, to each of them
        "http_stream_events{name:chat}": ["rate>20"],  # to all of them
        "http_req_failed": ["rate<0.01"],
    },
)


@scenario
async def ask(vu: Vu) -> None:
    question = {"role": "user", "content": "What is a benchmark?"}
    body = {"messages": [question], "stream": True, "max_tokens": 20}
    text, done = "", False
    async with vu.stream(
        "POST", "/v1/chat/completions", json=body, bearer=TOKEN, name="chat", gap_timeout="10s"
    ) as response:
        async for event in response:
            if event.data == "[DONE]":
                done = True
                break
            text += event.json()["choices"][0]["delta"].get("content", "")
    check(
        response, {"status is 200": lambda r: r.status == 200, "answered in full": lambda r: done}
    )
    check(text, {"says something": lambda t: len(t.split()) == 20})
    await sleep(THINK_S)


@monitor(every="5s")
async def watch(vu: Vu) -> None:
    # What looks on is counted nowhere; its gauges are a chart of the report.
    response = await vu.get("/count")
    ANSWERED.add(response.json()["requests"])

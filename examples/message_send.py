"""1,000 messages per second over three channels at once, each with its own limits.

    fastbench run examples/message_send.py -e BASE_URL=https://staging.example
    fastbench run examples/message_send.py --scenario email --scale 0.2

The rates are kept whatever the server does. When it is slower than `max_vus` can make up for,
iterations are dropped: the report says how many, and the last threshold fails.
"""

from fastbench import Options, Vu, check, env, scenario, uuid

TOKEN = env("TOKEN", "TEST_JWT")

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    thresholds={
        "http_req_duration{scenario:whatsapp}": ["p(95)<500"],
        "http_req_duration{scenario:email}": ["p(95)<800"],
        "http_req_duration{scenario:sms}": ["p(95)<500"],
        "http_req_failed": ["rate<0.001"],
        "dropped_iterations": ["count<1"],
    },
)


@scenario(
    executor="constant-arrival-rate",
    rate=600,
    time_unit="1s",
    duration="5m",
    pre_allocated_vus=50,
    max_vus=100,
)
async def whatsapp(vu: Vu) -> None:
    response = await vu.post(
        "/functions/v1/whatsapp-send",
        json={
            "to": "1234567890",
            "message": f"Load test message {uuid()}",
            "conversation_id": "LOAD_TEST_CONVERSATION",
        },
        bearer=TOKEN,
    )
    check(response, {"whatsapp send success": lambda r: r.status == 200})


@scenario(
    executor="constant-arrival-rate",
    rate=300,
    time_unit="1s",
    duration="5m",
    pre_allocated_vus=25,
    max_vus=50,
)
async def email(vu: Vu) -> None:
    response = await vu.post(
        "/functions/v1/email-send-smtp",
        json={
            "to": "test@example.com",
            "subject": f"Load test email {uuid()}",
            "content": "This is a load test email",
            "account_id": "TEST_EMAIL_ACCOUNT",
        },
        bearer=TOKEN,
    )
    check(response, {"email send success": lambda r: r.status == 200})


@scenario(
    executor="constant-arrival-rate",
    rate=100,
    time_unit="1s",
    duration="5m",
    pre_allocated_vus=10,
    max_vus=25,
)
async def sms(vu: Vu) -> None:
    response = await vu.post(
        "/functions/v1/sms-send",
        json={
            "to": "+1234567890",
            "body": f"Load test SMS {uuid()}",
            "conversation_id": "LOAD_TEST_CONVERSATION",
        },
        bearer=TOKEN,
    )
    check(response, {"sms send success": lambda r: r.status == 200})

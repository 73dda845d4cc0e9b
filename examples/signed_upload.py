"""Ten people sign a document on their own machine, then upload it: what is no request is timed too.

Run it: `fastbench run examples/signed_upload.py -e BASE_URL=https://staging.example`
"""

import hashlib
import hmac

from fastbench import Options, Vu, check, env, file, scenario, sleep

THINK_S = float(env("THINK_S", "1"))
TOKEN = env("TOKEN", "TEST_JWT")
KEY = env("SIGNING_KEY", "secret").encode()

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    vus=10,
    duration="1m",
    thresholds={
        "operation_duration{name:sign document}": ["p(95)<50"],
        "operation_duration{name:sign and upload}": ["p(95)<2000"],
        "operation_failed": ["rate<0.01"],
        "http_req_failed": ["rate<0.01"],
    },
)


def signed(document: bytes) -> bytes:
    """Put a signature before the document."""
    return hmac.digest(KEY, document, hashlib.sha256) + document


@scenario
async def sign(vu: Vu) -> None:
    document = f"contract {vu.id}.{vu.iteration}\n".encode() * 4096
    # An operation may hold others, and requests: it takes as long as all of them.
    async with vu.operation("sign and upload") as whole:
        async with vu.operation("sign document") as step:
            payload = signed(document)
            step.bytes_out = len(payload)
        response = await vu.post(
            f"/storage/v1/object/customer_media/signed/{vu.id}.pdf",
            data={"file": file(payload, "contract.pdf", "application/pdf")},
            bearer=TOKEN,
            name="upload",
        )
        if not check(response, {"upload success": lambda r: r.status == 200}):
            whole.fail(f"upload: {response.status or response.error_kind}")
    await sleep(THINK_S)

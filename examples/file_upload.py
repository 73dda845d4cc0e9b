"""Fifty people upload files of 1 MB.

Run it: `fastbench run examples/file_upload.py -e BASE_URL=https://staging.example`
"""

from fastbench import Options, Vu, check, env, file, scenario, sleep, uuid

THINK_S = float(env("THINK_S", "1"))
TOKEN = env("TOKEN", "TEST_JWT")

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    vus=50,
    duration="5m",
    thresholds={
        "http_req_duration": ["p(95)<2000"],
        "http_req_failed": ["rate<0.01"],
    },
)

CONTENT = b"x" * 1024 * 1024


@scenario
async def upload(vu: Vu) -> None:
    name = f"test-file-{vu.id}-{uuid()}.pdf"
    response = await vu.post(
        f"/storage/v1/object/customer_media/test/{vu.id}.pdf",
        data={"file": file(CONTENT, name, "application/pdf")},
        bearer=TOKEN,
        name="upload",
    )
    check(
        response,
        {
            "upload success": lambda r: r.status == 200,
            "upload time < 2s": lambda r: r.timings.duration < 2000,
        },
    )
    await sleep(THINK_S)

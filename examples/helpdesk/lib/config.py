"""The server, the limits and the shapes of load, in one place."""

from fastbench import env

BASE_URL = env("BASE_URL", "http://localhost:3001")
THINK_SCALE = float(env("THINK_SCALE", "1"))  # 0 for no think time at all

THRESHOLDS = {
    "http_req_duration": ["p(95)<200", "p(99)<500"],
    "http_req_failed": ["rate<0.01"],
    "http_reqs": ["rate>100"],
}

STAGES = {
    "smoke": [("1m", 5), ("1m", 0)],
    "load": [("2m", 50), ("5m", 50), ("2m", 100), ("5m", 100), ("2m", 0)],
    "stress": [("2m", 100), ("5m", 200), ("5m", 300), ("5m", 400), ("10m", 500), ("5m", 0)],
    "soak": [("5m", 100), ("4h", 100), ("5m", 0)],
    "spike": [("1m", 50), ("30s", 500), ("1m", 500), ("30s", 50), ("2m", 50), ("1m", 0)],
}

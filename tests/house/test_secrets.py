"""A secret on the command line reaches the wire and nothing that is written."""

from __future__ import annotations

import json
import shlex

import pytest

from fastbench.cli.args import flag_table
from fastbench.cli.args.url_args import Command, parse
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError

URL = "http://localhost:8080/"
SECRET = "s3cr3tHunter22"
SECRET_LINES = (
    f"-a user:{SECRET}", f"--auth=user:{SECRET}", f"--bearer {SECRET}", f"-H 'Cookie: s={SECRET}'",
    f"-H X-Api-Key={SECRET}", f"--header 'my-token: {SECRET}'", f"--body password={SECRET}",
    f"--data 'u=x&secret={SECRET}'", f"-F token={SECRET}", f"-H 'Referer: http://u:{SECRET}@h/'",
    f"-H 'X: y' --expect-body token={SECRET}",
)  # fmt: skip


@pytest.mark.parametrize("line", SECRET_LINES)
@pytest.mark.parametrize("url", [URL, f"http://u:{SECRET}@localhost:8080/?key={SECRET}"])
def test_no_secret_reaches_the_document_or_a_display(line: str, url: str) -> None:
    parsed = parse([*shlex.split(line), url])
    assert isinstance(parsed, Command)
    written = json.dumps([parsed.plan.config, parsed.notices, parsed.plan.target.url])
    assert SECRET not in written + "".join(r.url for r in parsed.plan.requests)


def test_every_switch_that_may_stand_before_a_secret_is_known_to_redaction() -> None:
    switches = [name for row in flag_table.URL.switches.values() for name in row.split()]
    assert {name[1] for name in switches if len(name) == 2} == redact._SWITCHES


def test_every_spelling_of_a_secret_flag_is_known_to_redaction() -> None:
    tables = (flag_table.URL.one, flag_table.URL.many, flag_table.URL.tagged)
    rows = {dest: row.split() for table in tables for dest, row in table.items()}
    for dest, value in {
        "credentials": f"u:{SECRET}",
        "bearer": SECRET,
        "headers": f"Authorization: {SECRET}",
        "body": f"token={SECRET}",
        "forms": f"token={SECRET}",
        "data": f"token={SECRET}",
        "durations": f"token={SECRET}",
    }.items():
        for flag in rows[dest]:
            assert SECRET not in " ".join(redact.argv([flag, value, f"{flag}={value}"]))


@pytest.mark.parametrize("line", SECRET_LINES)
def test_no_secret_reaches_a_refusal(line: str) -> None:
    for slip in ("-c 0", "--nonsense", "-d a=b", f"-d token={SECRET}", "-c"):
        for url in (f"http://u:{SECRET}@h:x/", f"localhost?key={SECRET}"):
            with pytest.raises(UsageError) as caught:
                parse([*shlex.split(line), *shlex.split(slip), url])
            assert SECRET not in str(caught.value)

"""Names with any characters in thresholds: written, read back, and refused with the column."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.judging import Threshold
from fastbench.results.thresholds.submetric import canonical


def read(text_: str) -> Threshold:
    return grammar.parse(text_, BUILT_IN)


TAGGED = {
    "http_reqs{name:/P(1,2)}: count>5": 'http_reqs{name:"/P(1,2)"}',
    "http_reqs{name:/a?select=id,name,scenario:x}: count>5": (
        'http_reqs{name:"/a?select=id,name",scenario:x}'
    ),
    "http_reqs{name:/a\\,b}: count>5": 'http_reqs{name:"/a,b"}',
    "http_reqs{name:/a\\\\,b:c}: count>5": 'http_reqs{name:"/a,b:c"}',
    """http_reqs{'name' : '/a,"b:c' , "scenario":"x"}: count>5""": (
        'http_reqs{name:"/a,\\"b:c",scenario:x}'
    ),
    'http_reqs{name:say "hi"}: count>5': 'http_reqs{name:say "hi"}',
    r'http_reqs{name:"a\"\\\n\u00e9\u{1F600}\x}"}: count>5': (r'http_reqs{name:"a\"\\\u{a}é😀x}"}'),
    "http_reqs{name:C:\\new, {x}}: count>5": r'http_reqs{name:"C:\\new, {x}"}',
    "http_reqs{name:{a:1,b:2}}: count>5": 'http_reqs{name:"{a:1,b:2}"}',
    "http_reqs{name:}: count>5": "http_reqs{name:}",
    "http_req_duration{scenario:x}: p(95)<500": "http_req_duration{scenario:x}",
    "http_req_duration{ scenario: x , name: y }:p(95)<5": "http_req_duration{name:y,scenario:x}",
    "http_req_duration{name:GET /tickets/{id}}: avg<5": "http_req_duration{name:GET /tickets/{id}}",
    "group_duration{group:::login::form}: avg<5": "group_duration{group:::login::form}",
    "checks{check:status is 200}>99%": "checks{check:status is 200}",
    'http_reqs{url:"http://x/?a=[1]"}: count>5': "http_reqs{url:http://x/?a=[1]}",
}


@pytest.mark.parametrize("written", TAGGED)
def test_tags_have_one_spelling(written: str) -> None:
    assert read(written).key == TAGGED[written]
    assert read(written).stage == ""


NAMES = st.text(max_size=12) | st.text("ab,:{}[]()\"'\\ %.\n\u2028\u200b<>=", max_size=12)


@given(st.dictionaries(NAMES.filter(bool), NAMES, min_size=1, max_size=3))
def test_every_name_can_be_written_and_what_is_written_reads_back(tags: dict[str, str]) -> None:
    key = canonical("http_req_duration", tags.items())
    assert key.isprintable() and redact.printable(key) == key
    short = read(f"{key}: p(95)<5 [warn]")
    (of_options,) = grammar.read({key: ["p(95)<5"]}, (), BUILT_IN)
    for found in (short, of_options, read(of_options.text), read(short.text)):
        assert dict(found.tags) == tags
        assert found.key == key and found.metric == "http_req_duration"


@given(st.text("ab,:{}\"'\\ /=[]", max_size=16))
def test_whatever_is_written_is_read_or_refused_with_its_column(inside: str) -> None:
    try:
        found = read(f"http_reqs{{name:{inside}}}: count<5")
    except UsageError as error:
        assert re.match(r"Threshold `.*`: ", str(error), re.DOTALL)
    else:
        assert read(found.key + ": count<5").tags == found.tags

"""Attributes of elements as k6 gives them: by tag, the name of the method and how it reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from fastbench.script.k6.html.dom_elements import Element

Method = Callable[..., Any]

_TAB = "0"
_ENCTYPES = "application/x-www-form-urlencoded multipart/form-data text/plain"
_REFERRER = "_ no-referrer no-referrer-when-downgrade origin origin-when-cross-origin unsafe-url"
_CROSS = "anonymous use-credentials"
_INPUTS = (
    "text button checkbox color date datetime-local email file hidden image month number password "
    "radio range reset search submit tel time url week"
)

# Each is: method, attribute (the method in lower case where it is left out), and how it reads:
# nothing for a text, `?` is it there, `#N` a number, `>` a URL, `=a b` one of these and `a` where
# it is none of them (`_` is ""), `~a b` likewise but undefined, `!a` always this.
_LINES: Final[Mapping[str, str]] = {
    "a area": f"""download; referrerPolicy ={_REFERRER}; rel; href >; target; type; accessKey;
        hrefLang; toString href >""",
    "audio video": f"""autoplay ?; controls ?; loop ?; muted ?; preload =auto metadata none; src >;
        crossOrigin ~{_CROSS}; currentSrc src; defaultMuted muted ?; mediaGroup""",
    "base": "href >url; target",
    "button": """accessKey; autofocus ?; disabled ?; tabIndex #0;
        type =submit button menu reset""",
    "canvas": "width #150; height #150",
    "data": "value",
    "embed": "height; width; src; type",
    "fieldset": "disabled ?; name; type !fieldset",
    "form": f"""action >; name; target; enctype ={_ENCTYPES}; encoding enctype ={_ENCTYPES};
        acceptCharset accept-charset; autocomplete =on off; noValidate ?""",
    "iframe": f"allowfullscreen ?; referrerPolicy ={_REFERRER}; height; width; name; src >",
    "img": f"""currentSrc src >; sizes; srcset; alt; crossOrigin ~{_CROSS}; height #0; width #0;
        isMap ?; name; src >; useMap; referrerPolicy ={_REFERRER}""",
    "input": f"""name; tabIndex #0; type ={_INPUTS}; disabled ?; autofocus ?; required ?; value;
        checked ?; defaultChecked checked ?; alt; src >; height; width; accept;
        autocomplete =on off; maxLength #-1; size #0; pattern; placeholder; readonly ?; min; max;
        defaultValue value; dirName; accessKey; multiple ?; step""",
    "keygen": "autofocus ?; challenge; disabled ?; keytype =RSA DSA EC; name; type !keygen",
    "label": "htmlFor for",
    "legend": "accessKey",
    "li": "value #0; type =_ 1 a A i I disc square circle",
    "link": f"""crossOrigin ~{_CROSS}; referrerPolicy ={_REFERRER}; href >; hreflang; media; rel;
        target; type""",
    "map": "name",
    "meta": "content; name; httpEquiv http-equiv =content-type default-style refresh",
    "meter": "min #0; max #0; high #0; low #0; optimum #0",
    "del ins": "cite; datetime",
    "object": """data >; height; name; type; tabIndex #0; typeMustMatch ?; useMap; width""",
    "ol": "reversed ?; start #0; type =1 a A i I",
    "optgroup": "disabled ?; label",
    "option": "defaultSelected selected ?; selected ?",
    "output": "htmlFor for; name; type !output",
    "param": "name; value",
    "pre": "name; value",
    "quote": "cite",
    "script": "crossOrigin; type; src >; charset; async ?; defer ?; noModule ?",
    "select": "autofocus ?; disabled ?; multiple ?; name; required ?; tabIndex #0",
    "source": "keySystem; media; sizes; src >; srcset; type",
    "style": "media",
    "table": "sortable ?",
    "td th": "colSpan #1; rowSpan #1; headers",
    "th": "abbr; scope =_ row col colgroup rowgroup; sorted ?",
    "textarea": """type !textarea; value; defaultValue value; placeholder; rows #0; cols #0;
        maxLength #0; tabIndex #0; accessKey; readOnly ?; required ?; autocomplete =on off;
        autocapitalize =sentences none off characters words; wrap =soft hard off""",
    "time": "datetime",
    "track": """kind =subtitle captions descriptions chapters metadata; src >; srclang; label;
        default ?""",
    "ul": "type",
}


def methods() -> dict[str, dict[str, Method]]:
    """Return the methods by tag."""
    found: dict[str, dict[str, Method]] = {}
    for tags, lines in _LINES.items():
        made = dict(map(_method, lines.split(";")))
        for tag in tags.split():
            found.setdefault(tag, {}).update(made)
    return found


def _method(line: str) -> tuple[str, Method]:
    match = re.match(
        r"\s*(\w+)(?: ([\w-]+)(?=\s*$| [?#>=~!]))?(?: ([?#>=~!])(.*))?\s*$", line, re.S
    )
    assert match is not None, line
    attribute = match[2] or match[1].lower()
    return match[1], _reading(attribute, match[3] or "", (match[4] or "").strip())


def _reading(attribute: str, sign: str, more: str) -> Method:
    if sign == "?":
        return lambda of: attribute in of.node.attributes
    if sign == "#":
        return lambda of: number(of, attribute, int(more))
    if sign == ">":
        return lambda of: of.resolved(attribute, of.selected.url if more else "")
    if sign == "!":
        return lambda of: more
    if sign:
        allowed = ["" if each == "_" else each for each in more.split()]
        default = allowed[0] if sign == "=" else None
        return lambda of: said if (said := of.attribute(attribute)) in allowed else default
    return lambda of: of.attribute(attribute)


def number(of: Element, attribute: str, default: int) -> int:
    """Return an attribute as a whole number."""
    said = of.attribute(attribute)
    return int(said) if re.fullmatch(r"[+-]?[0-9]+", said) else default

"""The frame of every page: one file that stands alone, and a policy that lets it be nothing else.

The policy allows this file's one style and its one script, each by its hash: no image, no request,
no form, no frame, no inline handler and no inline style.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from fastbench.report.html.html_markup import Content, Markup, el, raw


def page(
    title: str, *content: Content, script: str = "", style: str = "", follows: bool = False
) -> str:
    """Return the page, ending in a newline; `script` is our own and stands at its end, after that
    of every page.

    `style` is our own, too, and comes after that of every page. A page that `follows` something
    may ask the one it came from, and nobody else.
    """
    style = own("page.css") + style
    script = own("page.js") + script
    policy = [
        "default-src 'none'",
        *(["connect-src 'self'"] if follows else []),
        f"style-src '{_hash(style)}'",
        f"script-src '{_hash(script)}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    head = el(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(policy)}">'),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"{title} · fastbench"),
        raw("style", style),
    )
    body = el("body", *content, raw("script", script))
    return f"<!doctype html>\n{el('html', head, body, lang='en').text}\n"


def own(name: str) -> str:
    """Return the text of one of the files beside this one."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

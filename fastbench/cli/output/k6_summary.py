"""What a k6 script's handleSummary() makes of a result: texts for the terminal, and files."""

from __future__ import annotations

import sys

from fastbench.foundation import redact
from fastbench.foundation.files import JAVASCRIPT, write_atomic
from fastbench.report.export import k6
from fastbench.results.result import Result
from fastbench.script.run_request import RunRequest


def deliver(request: RunRequest, result: Result) -> bool:
    """Call it, where the script has one, and write what it returns; tell whether it printed.

    What it throws is told in one sentence, and the run's own summary is shown then, as in k6.
    """
    if not request.script.endswith(JAVASCRIPT):
        return False
    from fastbench.script.load.k6_host import handle_summary

    try:
        made = handle_summary(request, k6.document(result))
    except Exception as error:
        said = redact.printable(redact.text(str(error)))
        print(f"fastbench: handleSummary() failed: {said}", file=sys.stderr)
        return False
    for name, content in made.items():
        data = content if isinstance(content, bytes) else str(content).encode()
        if name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            text = data.decode("utf-8", "replace")
            print(redact.printable(text, lines=True), file=stream)
            continue
        try:
            write_atomic(name, data)
        except OSError as error:
            shown = redact.printable(name)
            print(f"fastbench: {shown} cannot be written: {error.strerror}", file=sys.stderr)
    return "stdout" in made

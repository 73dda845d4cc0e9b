"""JSON written for people, as gjson's `@pretty` does, and without any space, as `@ugly`."""

from __future__ import annotations

from typing import Any

from fastbench.script.k6.gjson.gjson_values import pairs_of, text_of


def without_spaces(value: Any) -> str:
    """Return the text of a value without the spaces between its parts."""
    if isinstance(value, list):
        return f"[{','.join(map(without_spaces, value))}]"
    if isinstance(value, dict):
        pairs = (f"{text_of(name)}:{without_spaces(each)}" for name, each in pairs_of(value))
        return f"{{{','.join(pairs)}}}"
    return text_of(value)


def pretty(value: Any, options: dict[str, Any]) -> str:
    """Return the text of a value over several lines; arrays that fit stand on one.

    `options`: width (80), indent (two spaces), prefix, sortKeys; those of another type are as if
    they were not given.
    """
    writer = _Writer(options)
    writer.write(value, 0)
    return writer.prefix + writer.text + "\n"


class _Writer:
    def __init__(self, options: dict[str, Any]) -> None:
        width = options.get("width", 80)
        self.width = int(width) if isinstance(width, int | float) else 80
        self.indent = _blank(options.get("indent", "  "))
        self.prefix = _blank(options.get("prefix", ""))
        self.sorts = options.get("sortKeys") is True
        self.text = ""
        self.line = -len(self.prefix)  # where the line began that is written

    def write(self, value: Any, depth: int) -> None:
        """Add a value at the end of what is written."""
        if isinstance(value, list):
            room = self.width - (len(self.text.encode()) - self.line)
            short = _on_one_line(value)
            if self.width > 0 and room > 3 and short is not None and len(short.encode()) <= room:
                self.text += short
            else:
                self._lines("[]", [("", each) for each in value], depth)
        elif isinstance(value, dict):
            pairs = [(name, each) for name, each in pairs_of(value)]
            if self.sorts:
                pairs.sort(key=lambda pair: pair[0])
            self._lines("{}", [(f"{text_of(name)}: ", each) for name, each in pairs], depth)
        else:
            self.text += text_of(value)

    def _lines(self, signs: str, members: list[tuple[str, Any]], depth: int) -> None:
        self.text += signs[0]
        for number, (name, each) in enumerate(members):
            self.text += "," if number else ""
            # gjson counts the line's end to the line, but after the first member of an array
            self.line = len(self.text.encode()) + (number > 0 and signs == "[]")
            self.text += f"\n{self.prefix}{self.indent * (depth + 1)}{name}"
            self.write(each, depth + 1)
        if members:
            self.line = len(self.text.encode())
            self.text += f"\n{self.prefix}{self.indent * depth}"
        self.text += signs[1]


def _on_one_line(value: Any) -> str | None:
    """Return the text of an array on one line, None where an object is within it."""
    if isinstance(value, dict):
        return None
    if not isinstance(value, list):
        return text_of(value)
    parts = [_on_one_line(each) for each in value]
    return None if None in parts else f"[{', '.join(str(each) for each in parts)}]"


def _blank(text: Any) -> str:
    """Return only the blanks of an indent, so that the text stays JSON."""
    return "".join(sign for sign in str(text) if sign in " \t\n\r")

"""The header fields of an answer: names in any case, in the order they came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Headers(Mapping[str, str]):
    """The headers of an answer, names in any case to values; one that came more often is `a, b`.

    Example::

        response = await vu.get("/api/health")
        check(response.headers, {"JSON": lambda h: "json" in h["content-type"]})
    """

    __slots__ = ("_fields",)

    def __init__(self, head: bytes) -> None:
        """Read the head of an answer, from its status line on."""
        self._fields: dict[str, tuple[str, list[str]]] = {}
        for line in head.decode("latin-1").split("\n")[1:]:
            name, colon, value = line.partition(":")
            if colon:
                entry = self._fields.setdefault(name.lower(), (name, []))
                entry[1].append(value.strip(" \t\r"))

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._fields[name.lower()][1])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return repr(dict(self))

    def get_all(self, name: str) -> list[str]:
        """Give the values of a name one by one, as Set-Cookie needs it.

        Args:
            name: The name, in any case.

        Returns:
            The values in the order they came; empty without one.

        Example::

            response = await vu.get("/api/health")
            check(response, {"no cookies": response.headers.get_all("Set-Cookie") == []})
        """
        found = self._fields.get(name.lower())
        return list(found[1]) if found is not None else []

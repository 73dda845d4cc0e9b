"""What a person may have meant by a word that there is not."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """Return the known word that is most alike, or nothing; `cutoff` is difflib's."""
    from difflib import get_close_matches  # for refusals alone

    return get_close_matches(word, list(known), n=1, cutoff=cutoff)

"""Counts lines, words and characters of a text, and its most frequent words.

Owns: the counting. Refuses to know: AEX; it runs with Python's own library alone.

Reads {"text": "…", "top": 10} from standard input and writes one JSON object. A word is a run of
letters, digits, apostrophes and marks that join to them, in any script; case does not count.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any

TOP_MAX = 1000
_JOINING = "'’"


def count(request: Any) -> dict[str, Any]:
    """What the text holds. Raises ValueError with a sentence if it is no request."""
    if not isinstance(request, dict) or not isinstance(text := request.get("text"), str):
        raise ValueError('expected {"text": "…"}')
    if unknown := request.keys() - {"text", "top"}:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known are text and top")
    top = request.get("top", 10)
    if type(top) is not int or not 0 <= top <= TOP_MAX:
        raise ValueError(f"top is a number from 0 to {TOP_MAX}")
    found = Counter(words(text))
    # Ties by the word itself, so that the same text has the same answer.
    ranked = sorted(found.items(), key=lambda each: (-each[1], each[0]))[:top]
    return {
        "bytes": len(text.encode("utf-8", "surrogatepass")),
        "characters": len(text),
        "different_words": len(found),
        "lines": len(text.splitlines()),
        "top": [{"count": number, "word": word} for word, number in ranked],
        "words": found.total(),
    }


def words(text: str) -> Iterator[str]:
    """Each word, in lower case."""
    word = ""
    for sign in unicodedata.normalize("NFC", text.casefold()) + " ":
        kind = unicodedata.category(sign)[0]
        if kind in "LN" or (word and (kind == "M" or sign in _JOINING)):
            word += sign
        elif word:
            yield word.rstrip(_JOINING)
            word = ""


def main() -> None:
    """Answers the request on standard input; what is wrong with it is an answer too, and exit 1."""
    try:
        answer, code = count(json.load(sys.stdin)), 0
    except ValueError as error:
        answer, code = {"error": str(error)}, 1
    json.dump(answer, sys.stdout)
    sys.exit(code)


if __name__ == "__main__":
    main()

"""Strict reading of a JSON request body, before anything else looks at it.

Owns: which bodies are refused outright (400), and typed getters with precise messages.
Refuses to know: any provider's fields. A message names the field and never repeats its value.

What is refused, and why. Bytes that are not UTF-8, NaN, Infinity, numbers that overflow to
infinity, and lone surrogates have no meaning that two parsers share. The same holds for a key given
twice in one object: one parser takes the first, another the last, and a budget checked against one
of them is no budget. Nesting beyond `max_depth` is refused so that no later walk can overflow.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from providers.wire import Denial, Refused

MAX_DEPTH = 64
MAX_MODEL_CHARS = 256
MAX_COUNT = 1_000_000_000

_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def bad_request(message: str) -> Refused:
    """A 400 `invalid_request`, to be raised: for a body that no provider would take."""
    return Refused(Denial(status=400, code="invalid_request", message=message))


def not_metered(what: str) -> Refused:
    """A 403 `not_metered`, to be raised: `what` costs money in a way that is not metered yet."""
    return Refused(
        Denial(
            status=403,
            code="not_metered",
            message=f"{what} is not metered yet, so the call is refused rather than let through"
            " unpaid.",
            remedy="Leave it out of the request.",
        )
    )


def refuse_unknown(document: dict[str, Any], options: frozenset[str]) -> None:
    """Raises Refused (403) where a field beside `options` says anything: it may cost."""
    if any(key not in options and value is not None for key, value in document.items()):
        raise not_metered("An option that is not known")


def parse_object(body: bytes, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """The JSON object that `body` is. Raises Refused (400) for anything else, nothing else ever."""
    document = parse(body, max_depth)
    if not isinstance(document, dict):
        raise bad_request("The body must be a JSON object.")
    return document


def parse(body: bytes, max_depth: int = MAX_DEPTH) -> Any:
    """The JSON value that `body` is. Raises Refused (400) for anything else, nothing else ever."""
    try:
        document = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise bad_request("The body is not valid UTF-8.") from None
    except RecursionError:
        raise bad_request(f"The body is nested deeper than {max_depth} levels.") from None
    except json.JSONDecodeError as error:
        raise bad_request(
            f"The body is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}."
        ) from None
    except ValueError:
        raise bad_request("The body holds a number that is too long.") from None
    if body.count(b"{") + body.count(b"[") > max_depth and _deeper_than(document, max_depth):
        raise bad_request(f"The body is nested deeper than {max_depth} levels.")
    if _ESCAPED_SURROGATE.search(body):
        _refuse_lone_surrogates(document)
    return document


def model_name(document: dict[str, Any]) -> str:
    """The `model` field: a printable string of 1 to 256 characters. Raises Refused (400)."""
    name = document.get("model")
    if not isinstance(name, str) or not name:
        raise bad_request("`model` must be a non-empty string.")
    if len(name) > MAX_MODEL_CHARS or not name.isprintable():
        raise bad_request(f"`model` must be at most {MAX_MODEL_CHARS} printable characters.")
    return name


def optional_count(
    document: dict[str, Any], key: str, least: int = 1, most: int = MAX_COUNT
) -> int | None:
    """An integer field between `least` and `most`, None if absent or null. Raises Refused (400)."""
    value = document.get(key)
    if value is None:
        return None
    if type(value) is not int or not least <= value <= most:
        raise bad_request(f"`{key}` must be an integer between {least} and {most}.")
    return value


def optional_bool(document: dict[str, Any], key: str) -> bool:
    """A boolean field, False if absent or null. Raises Refused (400)."""
    value = document.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise bad_request(f"`{key}` must be true, false or null.")
    return value


def optional_string(document: dict[str, Any], key: str) -> str | None:
    """A string field, None if absent or null. Raises Refused (400)."""
    value = document.get(key)
    if value is not None and not isinstance(value, str):
        raise bad_request(f"`{key}` must be a string or null.")
    return value


def optional_object(document: dict[str, Any], key: str) -> dict[str, Any]:
    """An object field, empty if absent or null. Raises Refused (400)."""
    value = document.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_request(f"`{key}` must be an object or null.")
    return value


def optional_list(document: dict[str, Any], key: str) -> list[Any]:
    """A list field, empty if absent or null. Raises Refused (400)."""
    value = document.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad_request(f"`{key}` must be a list or null.")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise bad_request(f"The body holds {name}, which is not JSON.")


def _finite_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise bad_request("The body holds a number that is too large.")
    return number


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise bad_request("The body gives a key twice in one object; parsers disagree on these.")
    return members


def _deeper_than(document: Any, max_depth: int) -> bool:
    level = [document] if type(document) is dict or type(document) is list else []
    for _ in range(max_depth):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _refuse_lone_surrogates(document: Any) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise bad_request("The body holds a lone surrogate, which is not text.") from None


# Made once; `json.loads` would make one anew for every body.
_DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant,
    parse_float=_finite_float,
    object_pairs_hook=_object_without_duplicates,
)

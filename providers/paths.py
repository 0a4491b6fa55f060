"""A host's path as the format's inventor has it: `/openai/v1/chat/completions` at Groq is
`/v1/chat/completions`, and `/openai/deployments/d/chat/completions` at Azure names a model besides.

Owns: reading the `nests` of a provider's row, and the way back from OpenAI's paths to its own.
Refuses to know: any one host, what a path does.
The path that is sent upstream stays the provider's own; this one says which format claims it.
"""

from __future__ import annotations

import re
from functools import cache

from providers.provider import Nests, Provider

# One segment of plain characters: no escapes and no dots alone, which servers resolve differently.
SEGMENT = r"(?!\.+(?:/|$))[A-Za-z0-9_.:@-]{1,256}"

_MODEL = re.compile(r"\\{model\\}")


def canonical(nests: Nests, path: str) -> tuple[str | None, str | None]:
    """The canonical path, and the model that `path` names if it does.

    The first nest that fits counts; a nest fits the path itself and what lies below it. Without
    nests the path is canonical as it is (None). A path outside all nests is "": no format may
    claim it, for at this host it is something else.
    """
    if not nests:
        return None, None
    for pattern, theirs in _compiled(nests):
        found = pattern.match(path)
        if found:
            return theirs + path[found.end() :], found.groupdict().get("model")
    return "", None


def of_openai(provider: Provider, path: str) -> str | None:
    """Where this provider keeps what OpenAI has at `path`; None where it surely has no such path.

    What it has at the path found is the same API only if a format of the provider claims it.
    """
    if not path.startswith("/v1/"):
        return None
    theirs = provider.openai_base + path.removeprefix("/v1")
    again, model = canonical(provider.nests, theirs)
    return theirs if again in (None, path) and model is None else None


@cache  # nests come from the table alone, so there are few
def _compiled(nests: Nests) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((_pattern(ours), theirs) for ours, theirs in nests)


def _pattern(prefix: str) -> re.Pattern[str]:
    return re.compile(_MODEL.sub(f"(?P<model>{SEGMENT})", re.escape(prefix)) + r"(?=/|\Z)")

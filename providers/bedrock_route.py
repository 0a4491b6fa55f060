"""Paths of the Bedrock runtime: which model a call names, and what it is to do.

Owns: reading the path. Refuses to know: bodies, prices.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html

A model is named by its id, with or without the region of an inference profile (`us.`, `global.`),
or by the ARN of either, percent-encoded. Only names that say which model answers have a price, and
that is what makes AEX admit a call; an application's own profile, a provisioned or custom model, a
prompt and a router do not say it, and are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from providers import jsonbody
from providers.wire import Call

_PATH = re.compile(r"/model/([^/]{1,3072})/([a-z-]{1,64})")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_ARN = re.compile(
    r"arn:aws[a-z-]*:bedrock:[a-z0-9-]*:(?:\d{12})?:(?:foundation-model|inference-profile)/(.+)"
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a path asks for. `name` is as it stands in the path, decoded once."""

    name: str
    action: str

    @property
    def streams(self) -> bool:
        """True where the answer is a stream of frames."""
        return self.action in ("converse-stream", "invoke-with-response-stream")

    @property
    def endpoint(self) -> str:
        """The path with its variable part left open."""
        return "/model/{id}/" + self.action

    def model(self) -> str:
        """The model's id. Raises Refused (403) for a name that does not say which model it is."""
        found = _ARN.fullmatch(self.name)
        name = found[1] if found else self.name
        if not _ID.fullmatch(name):
            raise jsonbody.not_metered("A model that is not named by its own id")
        return name


def target(call: Call) -> Target | None:
    """What the call asks for, or None if its path is none of a model's."""
    found = _PATH.fullmatch(call.route)
    return Target(unquote(found[1]), found[2]) if found else None

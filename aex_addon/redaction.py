"""Taking credentials out of text that is about to be shown.

Owns: how one is told: AEX's own secrets by their value (known_secrets.py), agent tokens by their
form, all others by where they stand (a header of their own, a scheme such as Bearer, a parameter of
a URL).
Refuses to know: where the text comes from and goes to.
"""

from __future__ import annotations

import re

from aex_addon.known_secrets import Secrets
from aex_addon.tokens import TOKEN

# Headers whose whole value is a credential.
SECRET_HEADERS = (
    "proxy-authorization",
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-amz-security-token",
    "set-cookie",
    "cookie",
)
WITHHELD = "[credential]"

# In quotes, as Python and JSON write pairs and mappings; else, as a header line that may be
# coloured, up to its end. What stands before the name is beside the point: a colour, an escaped
# line end, X-Forwarded-.
_HEADER = re.compile(
    rf"""((?:{"|".join(SECRET_HEADERS)})
        (?:["'][ \t]*[:,][ \t]*(?=b?(?P<quote>["']))|(?:\x1b\[[\d;]*m)*["']?[ \t]*[:=][ \t]*))
        (?(quote)b?(?P=quote)(?:\\.|(?!(?P=quote))[^\\\n])*(?:(?P=quote)|$)|\S[^\n]*)""",
    re.ASCII | re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
# A credential as headers carry it, whoever it belongs to.
_SCHEME = re.compile(r"\b(bearer|basic)(\s+)[\w.~+/=-]{8,}", re.ASCII | re.IGNORECASE)
_PARAMETER = re.compile(
    r"""([?&](?:key|api[_-]?key|access_token)=)[^&\s"'#\\]+""", re.ASCII | re.IGNORECASE
)


class Redactor:
    """Text without credentials."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def __call__(self, text: str) -> str:
        """The text, each credential in it replaced by a word in brackets."""
        text = TOKEN.sub("[token]", self._secrets.blot(text))
        text = _HEADER.sub(rf"\1{WITHHELD}", text)
        text = _SCHEME.sub(rf"\1\2{WITHHELD}", text)
        return _PARAMETER.sub(rf"\1{WITHHELD}", text)

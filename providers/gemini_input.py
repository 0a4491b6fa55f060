"""An upper bound on the input tokens of a Gemini request, without a tokenizer.

Owns: what each part of a prompt may be billed as, and the proof below. Refuses to know: prices,
tools, the output.

Text. The models' vocabularies are of the SentencePiece kind with byte fallback and no normalisation
(https://ai.google.dev/gemma/docs, the published sibling, and what Google's SDK counts Gemini's
tokens with): every token stands for one or more bytes of the text, and a byte that no piece covers
is a token of its own. So a text has at most as many tokens as UTF-8 bytes; the body writes each
string in at least as many. Framing, tools and schemas are bounded as in tokens.py, with
definitions that a schema refers to written out (gemini_schemas.py).

Pictures. Since Gemini 3 the resolution that a request names fixes how many tokens a picture may be
given, 2240 in the highest, and a few around it
(https://ai.google.dev/gemini-api/docs/media-resolution#token-counts). Older models cut a picture
into tiles without a published maximum, so there the window is the bound.

Sound, video, documents, files by address, cached content: how long they are the request does not
say, or not in a way that can be trusted. They are billed as the very tokens that fill the window,
and a prompt beyond the window is answered with an error; so the window is the bound.

Thoughts. A `thoughtSignature` brings the thoughts of an earlier answer back, which are billed as
input however short it looks. Thoughts count in their answer's output, of which the models up to
Gemini 3 give 65,536 tokens at the most; later ones fill the window if they are let.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from providers import gemini_schemas, jsonbody, tokens
from providers.protojson import Message, fields
from providers.uses import DOCUMENT

PICTURE_TOKENS_MAX = 2_240 + 64
THOUGHTS_TOKENS_MAX = 65_536
MAX_PARTS = 1_000_000

ALL_MODALITIES = frozenset({"text", "image", "audio", "video"})
_PICTURES = frozenset(("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"))
_MEDIA = ("image", "audio", "video")
_BY_RESOLUTION = re.compile(r"gemini-([3-9]|\d\d)(\D|$)")
_LONGEST_KNOWN = re.compile(r"gemini-(2\.5|3)(\D|$)")

_CONTENT = fields("role", "parts")
# What cannot be read from here: new kinds of processing, and results of the provider's own tools.
_PART = fields(
    *("text", "thought", "thoughtSignature", "partMetadata", "videoMetadata", "mediaResolution"),
    *("inlineData", "fileData", "functionCall", "functionResponse"),
    *("executableCode", "codeExecutionResult", "toolCall", "toolResponse"),
)
_FUNCTION_PART = fields("inlineData", "fileData", "mediaResolution", "videoMetadata")


@dataclass(slots=True)
class Prompt:
    """What was found in a prompt.

    turns:         contents, the system instruction included.
    pictures:      pictures that are billed by the published maximum.
    media_bytes:   bytes of the body that are media, not text.
    signatures:    thoughts of earlier answers that come back.
    unseen:        something is bounded by the window only.
    modalities:    what the prompt may hold.
    documents:     some of it may be files with pages.
    kept:          the provider keeps more of it, tools perhaps, that is only named.
    schema_bytes:  what schemas grow by when their references are written out.
    """

    model: str
    turns: int = 0
    pictures: int = 0
    media_bytes: int = 0
    signatures: int = 0
    unseen: bool = False
    modalities: set[str] = field(default_factory=lambda: {"text"})
    documents: bool = False
    kept: bool = False
    schema_bytes: int = 0

    @property
    def media(self) -> frozenset[str] | None:
        """The kinds of media in it; None where some of it is with the provider."""
        documents = {DOCUMENT} if self.documents else set()
        return None if self.kept else frozenset((self.modalities | documents) - {"text"})

    def tokens_max(self, body: bytes, tools: int) -> int:
        """Most input tokens, but for what is `unseen`."""
        sent = tokens.request_tokens_max(
            body, messages=self.turns, tools=tools, image_bytes=self.media_bytes
        )
        pictures = self.pictures * PICTURE_TOKENS_MAX
        return sent + pictures + self.signatures * THOUGHTS_TOKENS_MAX + self.schema_bytes

    def add_content(self, content: Message) -> None:
        """One turn. Raises Refused: 400 for what is malformed, 403 for parts of unknown cost."""
        _refuse_unknown(content, _CONTENT, "A content")
        self.turns += 1
        for part in content.messages("parts"):
            self._part(part)

    def add_schema(self, schema: Any) -> None:
        """The description of a function or of an answer."""
        grown = gemini_schemas.written_out(schema)
        if grown is None:
            self.unseen = True
        else:
            self.schema_bytes += grown

    def _part(self, part: Message) -> None:
        _refuse_unknown(part, _PART, "A part")
        if part.get("thoughtSignature") is not None:
            self.signatures += 1
            self.unseen = self.unseen or not _LONGEST_KNOWN.match(self.model)
        if part.get("toolCall") is not None or part.get("toolResponse") is not None:
            # Results of the provider's own tools may be kept there and only named here.
            self.unseen = True
        self._media(part)
        for inner in part.message("functionResponse").messages("parts"):
            _refuse_unknown(inner, _FUNCTION_PART, "A part")
            self._media(inner)

    def _media(self, part: Message) -> None:
        if part.get("fileData") is not None:
            self.unseen = True
            self.modalities |= ALL_MODALITIES
            self.documents = True
        if part.get("inlineData") is None:
            return
        blob = part.message("inlineData")
        kind, data = blob.text("mimeType") or "", blob.text("data") or ""
        self.media_bytes += len(data.encode("utf-8"))
        kind = kind.partition(";")[0].strip().lower()
        resolution = part.message("mediaResolution")
        if (
            kind in _PICTURES
            and _BY_RESOLUTION.match(self.model)
            and resolution.get("numTokens") is None
        ):
            self.pictures += 1
            self.modalities.add("image")
            return
        self.unseen = True
        family = kind.partition("/")[0]
        self.documents = self.documents or family not in _MEDIA
        self.modalities |= {"image"} if family in ("image", "application") else ALL_MODALITIES


def _refuse_unknown(message: Message, known: frozenset[str], what: str) -> None:
    for key in message.beyond(known):
        raise jsonbody.not_metered(f"{what} with {key[:64]!r}")

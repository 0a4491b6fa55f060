"""Traces: one span for each call, sent to a collector of OpenTelemetry, without any content.

Owns: what a span says. Names are those of the GenAI conventions where there is one:
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
Refuses to know: where calls end (pipeline.py), and that no collector listens: spans are sent by a
thread of their own, and lost where nobody takes them. Needs the extra aex[otel].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aex_addon import clock
from aex_addon.settings import Settings
from aex_addon.settings_values import ConfigError
from aex_addon.version import version
from ledger.commands import Admit, Commit, Release
from ledger.outcomes import Denied

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

    from aex_addon.inflight import InFlight

_SECOND_NS = 1_000_000_000
_OPERATION, _MODEL = "gen_ai.operation.name", "gen_ai.request.model"
# A stop waits no longer for a collector that does not answer.
_SEND_S = 2
_OPERATIONS = (
    ("tools/execute", "execute_tool"),
    ("embeddings", "embeddings"),
    ("images", "generate_content"),
    ("audio", "generate_content"),
    ("generateContent", "generate_content"),
    ("completions", "chat"),
    ("responses", "chat"),
    ("messages", "chat"),
    ("chat", "chat"),
    ("converse", "chat"),
)


class Tracer(Protocol):
    """Hears of each call once, when it has been denied or has ended."""

    def denied(self, command: Admit, denied: Denied) -> None:
        """The ledger said no."""

    def ended(self, inflight: InFlight, command: Commit | Release, took_s: float) -> None:
        """The call is about to be booked; it was let go so many seconds ago."""

    def close(self) -> None:
        """Sends what is left, for a bounded time."""


class Silent:
    """Where nobody asked for traces."""

    def denied(self, command: Admit, denied: Denied) -> None:
        """Says nothing."""

    def ended(self, inflight: InFlight, command: Commit | Release, took_s: float) -> None:
        """Says nothing."""

    def close(self) -> None:
        """Nothing to send."""


class Spans:
    """Spans for a provider of tracers."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("aex", version())

    def denied(self, command: Admit, denied: Denied) -> None:
        """A span of no length, with the code of the denial as its error."""
        attributes = {
            **_call(command.provider, command.model, command.endpoint),
            "aex.agent": denied.agent or "",
            "aex.execution_id": command.execution_id,
            "aex.state": "DENIED",
            "error.type": denied.code,
            "http.response.status_code": denied.status,
        }
        self._write(attributes, denied.code, 0.0)

    def ended(self, inflight: InFlight, command: Commit | Release, took_s: float) -> None:
        """A span as long as the provider had the call."""
        facts, admitted = inflight.appraisal.facts, inflight.admitted
        attributes = {
            **_call(inflight.provider, facts.model or "", facts.endpoint),
            "aex.agent": admitted.agent,
            "aex.execution_id": admitted.execution_id,
            "aex.reserved_nanousd": admitted.reserved_nanousd,
            "http.response.status_code": command.status_code,
        }
        if admitted.output_tokens_cap:
            attributes["gen_ai.request.max_tokens"] = admitted.output_tokens_cap
        error = f"{command.status_code}" if command.status_code >= 400 else ""
        if isinstance(command, Commit):
            actual = command.actual_nanousd
            attributes |= {
                "aex.state": "COMMITTED",
                "aex.certainty": command.certainty,
                "aex.actual_nanousd": admitted.reserved_nanousd if actual is None else actual,
            }
            for kind in ("input_tokens", "output_tokens"):
                if command.usage and kind in command.usage:
                    attributes[f"gen_ai.usage.{kind}"] = command.usage[kind]
            error = error or ("" if command.certainty != "uncertain" else "no_answer")
        else:
            attributes["aex.state"] = "RELEASED"
        if error:
            attributes["error.type"] = error
        self._write(attributes, error, took_s)

    def close(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()

    def _write(self, attributes: dict[str, AttributeValue], error: str, took_s: float) -> None:
        from opentelemetry.trace import SpanKind, StatusCode

        end = clock.now_ns()
        operation, model = (str(attributes[name]) for name in (_OPERATION, _MODEL))
        span = self._tracer.start_span(
            f"{operation} {model}".strip(),
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=end - int(took_s * _SECOND_NS),
        )
        if error:
            span.set_status(StatusCode.ERROR, error)
        span.end(end)


def _call(provider: str, model: str, endpoint: str) -> dict[str, AttributeValue]:
    operation = next((name for part, name in _OPERATIONS if part in endpoint), "chat")
    return {
        _OPERATION: operation,
        "gen_ai.provider.name": provider,
        _MODEL: model,
    }


def tracer(settings: Settings) -> Tracer:
    """As configured. Raises ConfigError where the extra is missing."""
    if settings.otel_url is None:
        return Silent()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        problem = "otel_url takes the extra aex[otel]; run: pip install 'aex[otel]'"
        raise ConfigError((f"aex.toml: {problem}",)) from error
    resource = Resource({"service.name": "aex", "service.version": version()})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(settings.otel_url, timeout=_SEND_S))
    )
    return Spans(provider)

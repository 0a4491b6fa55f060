"""Traces: one span a call, by the names that collectors know, and no word of what was said."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from aex_addon import tracing
from aex_addon.settings_values import ConfigError
from aex_addon.tracing import Silent, tracer
from tests.aex_addon.rig import CHAT, gateway, settings_for
from tests.aex_addon.wire import Upstream, connected

WORDS = "what-nobody-else-may-read"


class Collector(ThreadingHTTPServer):
    """Takes spans as a collector does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        """One export."""

        def do_POST(self) -> None:
            self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Says nothing."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    def spans(self) -> list[tuple[Any, dict[str, Any]]]:
        """Each with its attributes."""
        found = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    found += [(span, _values(span)) for span in scope.spans]
        return found


def _values(span: Any) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes
    }


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_a_span_of_each_call(
    tmp_path: Path, provider: Upstream, collector: Collector
) -> None:
    """What was admitted, denied or refused by the provider; the gateway's stop sends the last."""
    provider.json()
    message = [{"role": "user", "content": WORDS}]
    async with (
        gateway(tmp_path / "home", provider.port, otel_url=collector.url) as rig,
        connected(rig.port) as client,
    ):
        body = json.dumps(CHAT | {"messages": message}).encode()
        assert (await client.call(rig.request(body=body))).status == 200
        body = json.dumps(CHAT | {"model": "no-such-model", "messages": message}).encode()
        assert (await client.call(rig.request(body=body))).status == 403
        (done, denied) = rig.executions()
    (first, one), (second, two) = collector.spans()
    assert first.name == "chat gpt-4o-mini"
    assert one["gen_ai.provider.name"] == "openai"
    assert (one["gen_ai.usage.input_tokens"], one["gen_ai.usage.output_tokens"]) == (3, 2)
    assert one["gen_ai.request.max_tokens"] == 64
    assert one["aex.execution_id"] == done.execution_id
    assert one["aex.actual_nanousd"] == done.actual_nanousd
    assert first.end_time_unix_nano > first.start_time_unix_nano
    assert "error.type" not in one
    assert two["error.type"] == "model_unpriced"
    assert two["aex.execution_id"] == denied.execution_id
    assert first.trace_id != second.trace_id
    sent = b"".join(collector.bodies)
    for secret in (WORDS, rig.token):
        assert secret.encode() not in sent


@pytest.mark.parametrize(
    ("endpoint", "operation"),
    [
        ("/v1/tools/execute", "execute_tool"),
        ("/v1/chat/completions", "chat"),
        ("/v1/embeddings", "embeddings"),
    ],
)
def test_operations_are_named_by_the_conventions(endpoint: str, operation: str) -> None:
    """A tool that AEX runs is told from what a model does."""
    assert tracing._call("p", "m", endpoint)["gen_ai.operation.name"] == operation


def test_nobody_asked() -> None:
    """Without an address there are no traces, and the packages are not even looked for."""
    assert isinstance(tracer(settings_for(9)), Silent)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start says what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigError, match=r"pip install 'aex\[otel\]'"):
        tracer(settings_for(9, otel_url="http://127.0.0.1:4318/v1/traces"))


async def test_a_collector_that_is_not_there(tmp_path: Path, provider: Upstream) -> None:
    """Calls go on without it."""
    provider.json()
    url = "http://127.0.0.1:1/v1/traces"
    async with (
        gateway(tmp_path / "home", provider.port, otel_url=url) as rig,
        connected(rig.port) as client,
    ):
        assert (await client.call(rig.request())).status == 200

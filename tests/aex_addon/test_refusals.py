"""A denial reaches the client in its provider's shape and its agent's manner."""

from __future__ import annotations

from mitmproxy.test import tflow, tutils

from aex_addon.doors import FORMATS
from aex_addon.refusals import refuse
from providers.wire import Denial

DENIAL = Denial(402, "budget_exceeded", "Too dear.", "Ask.", execution_id="ex_1")


def test_the_provider_s_shape() -> None:
    """Status, code, sentence and execution id stand where the provider's SDK looks for them."""
    flow = tflow.tflow()
    flow.metadata[FORMATS] = ["openai_chat"]
    answer = refuse(flow, DENIAL)
    assert answer.status_code == 402
    assert answer.json()["error"]["code"] == "budget_exceeded"
    assert answer.json()["error"]["message"] == "Too dear. Ask."
    assert answer.headers["x-aex-execution-id"] == "ex_1"
    assert answer.headers["content-length"] == str(len(answer.raw_content or b""))


def test_without_a_provider() -> None:
    """Where no provider is concerned, the answer is still JSON that SDKs read."""
    assert refuse(tflow.tflow(), DENIAL).json()["error"]["code"] == "budget_exceeded"


def test_an_agent_that_reads_statuses_its_own_way() -> None:
    """The User-Agent chooses the status that this agent does not retry."""
    flow = tflow.tflow()
    flow.request.headers["user-agent"] = "codex_cli_rs/0.1"
    assert refuse(flow, DENIAL).status_code == 429
    assert refuse(flow, DENIAL).json()["error"]["code"] == "insufficient_quota"


def test_head_gets_no_body() -> None:
    """No byte follows the headers of an answer to HEAD, for it would be read as the next answer."""
    flow = tflow.tflow(req=tutils.treq(method=b"HEAD"))
    answer = refuse(flow, DENIAL)
    assert answer.raw_content == b""
    assert int(answer.headers["content-length"]) > 0

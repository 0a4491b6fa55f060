"""The last gate lets nothing out that was not admitted."""

from __future__ import annotations

import pytest
from mitmproxy import flow as mitmproxy_flow
from mitmproxy import http
from mitmproxy.test import tflow

from aex_addon.gate import Gate
from aex_addon.guard import ADMITTED, PASSED


def asked(**metadata: bool) -> http.HTTPFlow:
    flow = tflow.tflow()
    flow.metadata.update({name.replace("_", "."): value for name, value in metadata.items()})
    Gate().request(flow)
    return flow


def test_an_unmarked_call_is_refused() -> None:
    """A flow that nobody admitted gets a 503 in the provider's shape."""
    flow = asked()
    assert flow.response is not None
    assert flow.response.status_code == 503
    assert flow.response.json()["error"]["code"] == "gateway_unavailable"
    assert flow.response.headers["x-should-retry"] == "true"


def test_a_mark_that_was_taken_back_is_none() -> None:
    """A mark set to False does not open the gate."""
    assert asked(aex_admitted=False, aex_passed=False).response is not None


@pytest.mark.parametrize("mark", [ADMITTED, PASSED])
def test_a_marked_call_leaves(mark: str) -> None:
    """Either mark opens the gate."""
    flow = tflow.tflow()
    flow.metadata[mark] = True
    Gate().request(flow)
    assert flow.response is None


def test_an_answer_stays_as_it_is() -> None:
    """What is refused or broken already is not refused again."""
    answered, broken = tflow.tflow(resp=True), tflow.tflow()
    before = answered.response
    broken.error = mitmproxy_flow.Error("gone")
    for flow in (answered, broken):
        Gate().request(flow)
    assert answered.response is before
    assert broken.response is None

"""What mitmproxy shows of flows holds no credential, and what goes over the wire is untouched."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from mitmproxy.addons.dumper import Dumper
from mitmproxy.http import HTTPFlow
from mitmproxy.log import MitmFormatter
from mitmproxy.test import taddons, tflow, tutils

from aex_addon.doors import PATH
from aex_addon.known_secrets import Secrets
from aex_addon.redaction import Redactor
from aex_addon.shown import Formatted, Scrub, cover

KEY = "canary-provider-key-0123456789"


def secrets() -> Secrets:
    made = Secrets()
    made.add("a provider", KEY)
    return made


def redactor() -> Redactor:
    return Redactor(secrets())


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger; what handlers format with is put back."""
    found = logging.getLogger()
    before = {handler: handler.formatter for handler in found.handlers}
    yield found
    for handler, formatter in before.items():
        handler.setFormatter(formatter)


def carrying(**headers: str) -> HTTPFlow:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    request = tutils.treq(path=b"/v1?key=canary&page=2", headers=fields, content=b"")
    return tflow.tflow(req=request, resp=tutils.tresp(headers=[(b"set-cookie", b"canary=1")]))


async def test_the_dump_is_covered(root: logging.Logger) -> None:
    """What mitmdump prints of a flow goes through the redaction, names and all else stay."""
    out = io.StringIO()
    dumper = Dumper(out)
    with taddons.context(dumper) as context:
        context.configure(dumper, flow_detail=3)
        cover(context.master, redactor())
        dumper.response(carrying(authorization=f"Bearer {KEY}", cookie="canary", host="a.example"))
    text = out.getvalue()
    assert "canary" not in text.replace("key: canary", "")
    for line in ("authorization: [credential]", "set-cookie: [credential]", "host: a.example"):
        assert f"    {line}\n" in text


async def test_the_log_is_covered(root: logging.Logger) -> None:
    """Every handler's lines are redacted, tracebacks included, in the handler's own format."""
    plain, own = logging.StreamHandler(plain_out := io.StringIO()), logging.StreamHandler()
    own.setStream(own_out := io.StringIO())
    own.setFormatter(MitmFormatter(colorize=False))
    root.addHandler(plain)
    root.addHandler(own)
    try:
        with taddons.context() as context:
            cover(context.master, redactor())
        try:
            raise ValueError(KEY)
        except ValueError:
            logging.getLogger("x").exception("cookie: canary")
    finally:
        root.removeHandler(plain)
        root.removeHandler(own)
    for text in (plain_out.getvalue(), own_out.getvalue()):
        assert "cookie: [credential]\n" in text
        assert "ValueError: [key]\n" in text
    assert own_out.getvalue().startswith("[")


def test_a_formatter_keeps_its_format() -> None:
    """Only what is a credential differs from what the handler would have written."""
    record = logging.LogRecord("x", logging.INFO, "", 0, "all is %s", ("well",), None)
    own = logging.Formatter("%(levelname)s %(message)s")
    assert Formatted(own, redactor()).format(record) == own.format(record)


@pytest.mark.parametrize("hook", ["response", "error", "http_connect_error"])
def test_a_flow_that_is_over_is_scrubbed(hook: str) -> None:
    """Its request keeps no credential, and all else; the client's answer is as it was."""
    flow = carrying(authorization="canary", x_goog_api_key="canary", cookie="canary", accept="*/*")
    flow.metadata[PATH] = "/v1?key=canary"
    getattr(Scrub(secrets()), hook)(flow)
    assert "canary" not in str(flow.request.headers.fields) + flow.request.path
    assert (flow.request.path, flow.metadata[PATH]) == ("/v1?page=2", "/v1")
    assert flow.request.headers["accept"] == "*/*"
    assert flow.request.headers["cookie"] == "[credential]"
    assert flow.response is not None
    assert flow.response.headers["set-cookie"] == "canary=1"


def test_a_flow_without_credentials_stays() -> None:
    """Nothing is added where there was none."""
    flow = tflow.tflow(req=tutils.treq(path=b"/v1?page=2"))
    before = (flow.request.headers.fields, flow.request.data.path)
    Scrub(secrets()).response(flow)
    assert (flow.request.headers.fields, flow.request.data.path) == before
    assert PATH not in flow.metadata

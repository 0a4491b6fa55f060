"""What a page says when it cannot do what was asked: a status, a code, a sentence, a remedy.

Owns: the shape of errors, as JSON for programs and as a page for people, and which error of the
ledger is which status.
Refuses to know: which page it was.
"""

from __future__ import annotations

from flask import Flask, Response, jsonify, make_response, render_template, request
from markupsafe import Markup
from werkzeug.exceptions import HTTPException

from ledger.errors import LedgerError
from web.handed import CannotRun


class Problem(Exception):
    """Ends a request. `remedy` says what to do about it."""

    def __init__(self, status: int, code: str, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.remedy = status, code, message, remedy


def ticks(text: str) -> Markup:
    """A sentence as HTML, with what stands between backticks as code."""
    parts = enumerate(text.split("`"))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in parts
    )


def wants_page() -> bool:
    """Whether who asks is a browser that shows what it gets."""
    best = request.accept_mimetypes.best_match(("application/json", "text/html"))
    return best == "text/html" and not request.path.startswith("/admin/")


def answer(problem: Problem) -> Response:
    """The problem in the form that was asked for."""
    if wants_page():
        page = render_template("problem.html", problem=problem)
        return make_response(page, problem.status)
    kind = "server_error" if problem.status >= 500 else "invalid_request_error"
    error = {
        "message": problem.message,
        "type": kind,
        "param": None,
        "code": problem.code,
        "remedy": problem.remedy,
    }
    told = make_response(jsonify({"error": error}), problem.status)
    if problem.status == 401:
        told.headers["WWW-Authenticate"] = 'Bearer realm="AEX"'
    return told


_NO_PAGE = (
    "AEX has no such page. For provider calls use this address as a proxy, or /v1 as the base URL."
)
_WORDS = {
    400: ("bad_request", "The request cannot be read.", "Look at /admin/openapi.json."),
    404: (
        "no_such_page",
        _NO_PAGE,
        "Pages: /dashboard, /metrics, /health and /admin/openapi.json.",
    ),
    405: ("method_not_allowed", "This page is not asked like that.", "Look at Allow."),
    413: ("too_large", "The request is too large.", "Send less."),
    415: ("not_json", "The body is no JSON.", "Send it as application/json."),
}


def explain(app: Flask) -> None:
    """Gives every error of the application its words."""

    @app.errorhandler(Problem)
    def told(problem: Problem) -> Response:
        return answer(problem)

    @app.errorhandler(LedgerError)
    def unreadable(error: LedgerError) -> Response:
        message = f"The ledger cannot be read: {error}"
        return answer(
            Problem(503, "ledger_unreadable", message, "`aex audit` shows what is wrong.")
        )

    @app.errorhandler(CannotRun)
    def failed(error: CannotRun) -> Response:
        return answer(Problem(409, "command_failed", str(error), "In a shell it tells more."))

    @app.errorhandler(HTTPException)
    def plain(error: HTTPException) -> Response:
        status = error.code or 500
        code, message, remedy = _WORDS.get(status, ("refused", f"{error.name}.", ""))
        answered = answer(Problem(status, code, message, remedy))
        if status == 405:
            answered.headers["Allow"] = dict(error.get_headers()).get("Allow", "")
        return answered

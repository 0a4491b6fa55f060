"""The door-keeper of the pages: who may enter which, and how a browser gets its cookie.

Owns: which paths are public, what acting takes, the check of Origin, the login link and the
cookie, and the headers that every answer carries.
Refuses to know: who holds which token (auth.py); under which names and from which machines pages
are reached at all (aex_addon/mount.py, which checks Host).
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, g, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from web.auth import SESSION_S, Auth, Who
from web.handed import Handed
from web.problems import Problem

LOGIN = "/dashboard/login"
_PUBLIC = frozenset(("/health", "/health/live", LOGIN, "/static/aex.css", "/static/aex.js"))
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_NEW_LINK = "`aex dashboard` on this machine gives a new link."

# Scripts and styles from this address alone and none inside a page: whatever a name holds, it is
# text. Forms go nowhere else.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    # Where it were no-referrer, browsers would send forms of our own with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def _cookie() -> str:
    """The cookie's name. Browsers keep ports no more apart than pages of one host."""
    return f"aex_session_{request.host.rpartition(':')[2]}"


def who() -> Who:
    """Whoever this request is of; only inside pages that are not public."""
    found: Who = g.who
    return found


def guard(app: Flask, handed: Handed) -> None:
    """Puts the door-keeper before all routes."""

    @app.before_request
    def check() -> None:
        # What is no page tells nothing but that: an agent with a wrong base URL is to learn it.
        if request.path in _PUBLIC or request.url_rule is None:
            return
        if request.path == "/metrics" and handed.metrics == "loopback":
            return
        g.who = _allowed(handed.auth)

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers.update(_HEADERS)
        return response

    app.register_blueprint(_login(handed.auth))


def _allowed(auth: Auth) -> Who:
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        raise Problem(
            403,
            "foreign_origin",
            "This request was made by a page of another site.",
            f"Open http://{request.host}/dashboard itself.",
        )
    found = known(auth)
    if found is None:
        raise Problem(
            401,
            "not_signed_in",
            "Nobody is signed in here, or no more.",
            f"{_NEW_LINK} Programs send `Authorization: Bearer` with the token in keys/admin.token "
            "or keys/viewer.token of AEX's home.",
        )
    if request.method in _SAFE:
        return found
    if found.way == "cookie" and origin is None:
        raise Problem(403, "no_origin", "This request does not say which page made it.", _NEW_LINK)
    if found.role != "operator" and request.path != "/dashboard/logout":
        raise Problem(
            403,
            "read_only",
            "Whoever may only read cannot act.",
            "Sign in as operator: `aex dashboard` without --read-only, or keys/admin.token.",
        )
    return found


def known(auth: Auth) -> Who | None:
    """Whoever the request shows itself to be; a wrong bearer is nobody, whatever the cookie."""
    header = request.headers.get("Authorization")
    if header is not None:
        return auth.bearer(header)
    value = request.cookies.get(_cookie())
    return auth.cookie(value) if value else None


def _login(auth: Auth) -> Blueprint:
    pages = Blueprint("entry", __name__)

    @pages.get(LOGIN)
    def login() -> AnyResponse:
        """Takes the link's secret, once. The way on is a page's, so that the cookie goes along."""
        entered = auth.enter(request.args.get("link", ""))
        if entered is None:
            raise Problem(401, "link_used", "This link was used before, or is too old.", _NEW_LINK)
        answer = make_response(render_template("entered.html", role=entered[1]))
        answer.set_cookie(
            _cookie(), entered[0], max_age=SESSION_S, httponly=True, samesite="Strict"
        )
        return answer

    @pages.post("/dashboard/logout")
    def logout() -> AnyResponse:
        """Ends the session."""
        auth.leave(request.cookies.get(_cookie(), ""))
        answer = redirect("/dashboard", 303)
        answer.delete_cookie(_cookie(), httponly=True, samesite="Strict")
        return answer

    return pages


def link_to(address: str, secret: str) -> str:
    """The link that a browser is to open."""
    return f"http://{address}{LOGIN}?{urlencode({'link': secret})}"

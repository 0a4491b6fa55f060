"""The OpenAPI document of AEX's pages.

Owns: what each route takes and answers, in the words of OpenAPI 3.1. A test holds it against the
routes that there are.
Refuses to know: how the routes work (api.py, health.py).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from ledger.state import STATES
from web import bodies
from web.asked import LIMIT_MAX
from web.shapes import account_schema, execution_schema, listed_schema, schema_of, tool_schema

_TEXT = {"type": "string", "maxLength": 200, "pattern": r"^[ -~]*$"}
_COUNT = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
_STATE = {"type": "string", "enum": list(STATES)}

_QUERY: dict[str, tuple[dict[str, Any], str]] = {
    "agent": (_TEXT, "A name; that of a run is `agent/run`."),
    "model": (_TEXT, "A part of a model's name."),
    "state": (_STATE, "How the call stands."),
    "id": (_TEXT, "The beginning of an execution's id."),
    "since": (_TEXT, "From this time on: 2026-07-01T12:00Z, or 7d for seven days ago."),
    "until": (_TEXT, "Before this time."),
    "cursor": (_COUNT, "`cursor` of the page before."),
    "after": (_COUNT, "Only calls that events after this one are about, whatever the filter."),
    "limit": ({"type": "integer", "minimum": 1, "maximum": LIMIT_MAX}, "Rows of a page."),
    "at": (_TEXT, "After this event, or at this time."),
    "execution": (_TEXT, "Only this call."),
    "verify": ({"type": "string", "enum": ["0", "1"]}, "Compare with the tables of now."),
}
_NAMES = {
    "name": "An agent, a team, or a run (`agent/run`).",
    "execution_id": "An execution's id, `ex_…`.",
    "tool": "A tool's name.",
}

_ACTIVITY = ("agent", "model", "state", "id", "since", "until", "cursor", "after", "limit")
_REPLAY = ("at", "execution", "verify")

Route = tuple[str, str, str, tuple[str, ...], type[BaseModel] | None, int, str]

# method, path, what it does, query, body, status, schema of the answer
ROUTES: tuple[Route, ...] = (
    ("get", "/health", "Whether calls can be served.", (), None, 200, "Health"),
    ("get", "/health/live", "Whether the process answers.", (), None, 200, "Health"),
    ("get", "/admin/activity", "Calls, newest first.", _ACTIVITY, None, 200, "Activity"),
    ("get", "/admin/executions/{execution_id}", "A call's story.", (), None, 200, "Execution"),
    ("get", "/admin/executions/{execution_id}/proof", "Its proof.", (), None, 200, "text/plain"),
    ("get", "/admin/agents", "All agents and teams.", (), None, 200, "Accounts"),
    ("post", "/admin/agents", "A new one.", (), bodies.Create, 201, "Account"),
    ("get", "/admin/agents/{name}", "One, with its tokens.", (), None, 200, "Account"),
    ("post", "/admin/agents/{name}/state", "Pause, resume …", (), bodies.State, 200, "Account"),
    ("post", "/admin/agents/{name}/top-up", "More budget.", (), bodies.Amount, 200, "Account"),
    ("post", "/admin/agents/{name}/withdraw", "Less budget.", (), bodies.Amount, 200, "Account"),
    ("post", "/admin/agents/{name}/limits", "Other limits.", (), bodies.Limits, 200, "Account"),
    ("post", "/admin/agents/{name}/rotate-token", "A new token.", (), bodies.Rotate, 200, "Token"),
    ("get", "/admin/plugins", "The tools.", (), None, 200, "Tools"),
    ("get", "/admin/plugins/{tool}", "One tool.", (), None, 200, "ToolPlugin"),
    ("post", "/admin/plugins/{tool}/enable", "Let it run.", (), bodies.Tool, 200, "ToolPlugin"),
    ("post", "/admin/plugins/{tool}/disable", "No more.", (), bodies.Tool, 200, "ToolPlugin"),
    ("get", "/admin/checkpoints", "The newest checkpoint.", (), None, 200, "Object"),
    ("post", "/admin/checkpoints", "Sign the log as it is now.", (), None, 200, "Object"),
    ("get", "/admin/replay", "The books of then.", _REPLAY, None, 200, "Object"),
    ("post", "/admin/links", "A link that signs in once.", (), bodies.Link, 201, "Object"),
    ("get", "/admin/openapi.json", "This document.", (), None, 200, "Object"),
)
RELOAD: Route = (
    *("post", "/admin/reload_config", "Take aex.toml up.", (), bodies.Why, 200, "Object"),
)
_ERRORS = {
    "400": "The request does not fit.",
    "401": "Nobody is signed in.",
    "403": "Not allowed: read-only, or made by a page of another site.",
    "404": "There is no such thing.",
    "409": "The books, or the command, refused.",
    "415": "The body is no JSON.",
    "503": "The ledger cannot be read or written.",
}


def document(*, reloads: bool) -> dict[str, Any]:
    """The document."""
    paths: dict[str, Any] = {}
    for route in (*ROUTES, *((RELOAD,) if reloads else ())):
        paths.setdefault(route[1], {})[route[0]] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AEX",
            "version": "1",
            "description": "Amounts are nano-dollars (`_nanousd`, integers) and exact text "
            "(`_usd`). Acting takes the operator's token, reading either.",
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    method, path, summary, query, body, status, answer = route
    names = [name for name in _NAMES if f"{{{name}}}" in path]
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _NAMES[name],
            "schema": {"type": "string", "minLength": 1, "pattern": r"^[A-Za-z0-9._-]+$"},
        }
        for name in names
    ]
    for name in query:
        schema, text = _QUERY[name]
        parameters.append({"name": name, "in": "query", "description": text, "schema": schema})
    operation: dict[str, Any] = {
        "summary": summary,
        "operationId": f"{method}{path.replace('/', '_').replace('{', '').replace('}', '')}",
        "parameters": parameters,
        "responses": {str(status): _answer(answer, summary)}
        | {code: _answer("Error", text) for code, text in _ERRORS.items()},
    }
    if path.startswith("/health"):
        operation["security"] = []
        operation["responses"] = {
            code: _answer("Health", text) for code, text in (("200", "Yes."), ("503", "No."))
        }
    if body is not None:
        schema = {"$ref": f"#/components/schemas/{body.__name__}"}
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _answer(schema: str, text: str) -> dict[str, Any]:
    if "/" in schema:
        return {"description": text, "content": {schema: {"schema": {"type": "string"}}}}
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return {"description": text, "content": {"application/json": content}}


def _schemas() -> dict[str, Any]:
    text, whole = {"type": "string"}, {"type": ["integer", "null"]}
    error = dict.fromkeys(("message", "type", "code", "remedy"), text)
    named: dict[str, Any] = {
        "Error": schema_of(error=schema_of(**error)),
        "Health": schema_of(status=text),
        "Object": {"type": "object"},
        "Token": schema_of(name=text, token=text, token_id=text),
        "Account": account_schema(),
        "Accounts": schema_of(agents=_list("Account")),
        "ToolPlugin": tool_schema(),
        "Tools": schema_of(plugins=_list("ToolPlugin")),
        "Execution": execution_schema(),
        "Call": listed_schema(),
        "Activity": schema_of(executions=_list("Call"), cursor=whole, head=_COUNT),
    }
    for route in (*ROUTES, RELOAD):
        if (body := route[4]) is not None:
            named[body.__name__] = body.model_json_schema()
    return named


def _list(schema: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}

"""`GET /v1/models` at AEX's own address: what a call there may name as its model.

Owns: the list (aliases first, then the models of `/v1`'s own provider that have a price) in the
shape of https://platform.openai.com/docs/api-reference/models, and its booking as a free call.
Refuses to know: who may ask (the ledger says so), prices.

AEX answers it where routes are configured, for no provider knows their names. Without routes `/v1`
is OpenAI's, and so is its list; a provider's own list is always at its host, and below `/NAME/v1`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from mitmproxy import http

from aex_addon import calls
from aex_addon.admission import Admission
from aex_addon.aliases import HOME
from aex_addon.appraisal import Appraisal
from aex_addon.books import durable
from aex_addon.configuration import Configuration
from aex_addon.parts import Parts
from aex_addon.trip import Trip
from ledger.commands import Commit
from ledger.outcomes import Admitted
from providers.uses import TEXT
from providers.wire import Call, Denial, Facts, Reply

PATH = "/v1/models"
AEX = "aex"


def asks_for_models(call: Call, door: str, configuration: Configuration) -> bool:
    """Whether AEX itself answers this call."""
    if door != "base-url" or call.provider != HOME or not configuration.settings.routes:
        return False
    asked = call.path == PATH or call.path.startswith(f"{PATH}/")
    return call.method == "GET" and asked


def listed(configuration: Configuration) -> Iterator[dict[str, Any]]:
    """Each model that a call to `/v1` may name, once. When they were made is not known: 0."""
    seen = set()
    for alias in configuration.aliases:
        seen.add(alias.name)
        yield {"id": alias.name, "object": "model", "created": 0, "owned_by": AEX}
    for model in configuration.prices.models(HOME):
        if model not in seen:
            yield {"id": model, "object": "model", "created": 0, "owned_by": HOME}


def document(configuration: Configuration, path: str) -> dict[str, Any] | None:
    """What is answered at this path; None where there is no such model."""
    if path == PATH:
        return {"object": "list", "data": list(listed(configuration))}
    name = unquote(path.removeprefix(f"{PATH}/"))
    return next((each for each in listed(configuration) if each["id"] == name), None)


class ModelsPage:
    """One of a gateway; the pipeline asks it."""

    def __init__(self, parts: Parts, admission: Admission) -> None:
        self._parts = parts
        self._admission = admission

    async def answer(self, flow: http.HTTPFlow, trip: Trip) -> Denial | None:
        """Answers the flow, once the call is in the books; or the denial."""
        path = trip.asked.path
        choice = replace(trip.choice, call=replace(trip.choice.call, provider=AEX))
        endpoint = PATH if path == PATH else f"{PATH}/{{id}}"
        appraisal = Appraisal(Facts(endpoint, "free", has_output=False, uses=TEXT))
        command = await self._admission.command(replace(trip, choice=choice), appraisal)
        # What a key stands for was another's answer, from before there were routes.
        outcome = await self._admission.decide(command._replace(key_hash=""))
        if isinstance(outcome, Denial):
            return outcome
        assert isinstance(outcome, Admitted), "nothing is kept that could be given again"
        found = document(trip.configuration, path)
        execution, status = outcome.execution_id, 404 if found is None else 200
        booking = Commit(execution, 0, status, None, "free", "exact")
        await durable(execution, self._parts.books.settle(booking))
        if found is None:
            message = "AEX lets no call through that names this model."
            remedy = f"GET {PATH} lists those that it does."
            return Denial(404, "model_not_found", message, remedy, execution_id=execution)
        fields = (("content-type", "application/json"), ("x-aex-execution-id", execution))
        flow.response = calls.response(Reply(status, fields, json.dumps(found).encode()))
        return None

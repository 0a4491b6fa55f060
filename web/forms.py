"""Acting from the page: a form asks for a reason, a second page asks whether it is meant.

Owns: the two steps, and what the question says. Works without JavaScript.
Refuses to know: what an act is in the ledger (acts.py), who may act (entry.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from ledger.lifecycle import GOALS
from ledger.money import parse_usd, show_usd
from web.acts import Acts
from web.entry import who
from web.handed import Handed
from web.problems import Problem

_REASON_MAX = 500
_ENDS_STREAMS = ("PAUSED", "QUARANTINED", "STOPPED")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before an act: the fields that repeat it, and what it leads to."""

    title: str
    leads_to: str
    button: str
    fields: dict[str, str]


def forms(handed: Handed) -> Blueprint:
    """The routes."""
    found, acts = Blueprint("forms", __name__), Acts(handed)

    @found.post("/dashboard/agents/<path:name>/top-up")
    def top_up(name: str) -> str | Response:
        """More budget."""
        reason, (amount, nanousd) = _reason(), _amount()
        if not _meant():
            left = acts.account(name).remaining_nanousd
            shown = show_usd(nanousd)
            question = Question(
                f"Add {shown} to {name}?",
                f"{name} has {show_usd(left)} left now, and {show_usd(left + nanousd)} then. If an "
                "overrun has stopped it, it goes on.",
                f"Add {shown}",
                {"amount_usd": amount, "reason": reason},
            )
            return _ask(name, question)
        acts.top_up(name, nanousd, reason, who().actor)
        return redirect(f"/dashboard/agents/{name}?done=topped-up", 303)

    @found.post("/dashboard/agents/<path:name>/withdraw")
    def withdraw(name: str) -> str | Response:
        """Less budget."""
        reason, (amount, nanousd) = _reason(), _amount()
        if not _meant():
            left, shown = acts.account(name).remaining_nanousd, show_usd(nanousd)
            if nanousd > left:
                said = f"{name} has {show_usd(left)} left; no more can be taken back."
                raise Problem(409, "command_refused", said, "Go back.")
            question = Question(
                f"Take {shown} back from {name}?",
                f"{name} has {show_usd(left)} left now, and {show_usd(left - nanousd)} then. Calls "
                "under way keep what is held for them.",
                f"Take {shown} back",
                {"amount_usd": amount, "reason": reason},
            )
            return _ask(name, question)
        acts.withdraw(name, nanousd, reason, who().actor)
        return redirect(f"/dashboard/agents/{name}?done=withdrawn", 303)

    @found.post("/dashboard/agents/<path:name>/state")
    def state(name: str) -> str | Response:
        """Another lifecycle state."""
        reason, goal = _reason(), request.form.get("state", "")
        if goal not in GOALS:
            raise Problem(400, "invalid_request", "There is no such state.", "Go back.")
        if not _meant():
            now_in = acts.account(name).lifecycle_state
            question = Question(
                f"Move {name} from {now_in} to {goal}?",
                _leads_to(name, goal),
                f"Move to {goal}",
                {"state": goal, "reason": reason},
            )
            return _ask(name, question)
        acts.move(name, goal, reason, who().actor)
        return redirect(f"/dashboard/agents/{name}?done=moved", 303)

    return found


def _amount() -> tuple[str, int]:
    """As it was written, and in nano-dollars."""
    written = request.form.get("amount_usd", "").strip().removeprefix("$")
    try:
        return written, parse_usd(written)
    except ValueError as error:
        raise Problem(400, "invalid_request", f"The amount: {error}.", "Go back.") from None


def _reason() -> str:
    reason = request.form.get("reason", "").strip()
    if not reason or len(reason) > _REASON_MAX:
        raise Problem(
            400,
            "invalid_request",
            f"An act takes a reason of {_REASON_MAX} characters at most.",
            "Go back and say why; it stands in the log.",
        )
    return reason


def _meant() -> bool:
    return request.form.get("meant") == "yes"


def _ask(name: str, question: Question) -> str:
    return render_template("confirm.html", name=name, question=question, who=who())


def _leads_to(name: str, goal: str) -> str:
    if goal in _ENDS_STREAMS:
        return (
            f"New calls of {name} are refused (423), and those under way end within a second, "
            "booked as far as they came."
        )
    if goal == "STOPPING":
        return f"New calls of {name} are refused (423); those under way come to their end."
    if goal == "ERROR_RECOVERY":
        return f"{name} makes no calls yet; from there it can be made READY."
    return f"{name} makes calls again."

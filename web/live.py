"""What has changed since the page was made, or since the last time that it asked.

Owns: `/dashboard/live`: only rows that events since the cursor are about, as the page has them.
Refuses to know: how often a page asks (static/aex.js).
"""

from __future__ import annotations

from flask import Blueprint, Response, get_template_attribute, jsonify, render_template, request

from ledger.activity import Filter
from ledger.state import DENIED
from web import asked, tree
from web.handed import Handed
from web.pages import DENIALS, SHOWN, Sums, books_of, call_rows, figures
from web.view import denial_rows


def live(handed: Handed, sums: Sums) -> Blueprint:
    """The route."""
    found = Blueprint("live", __name__)

    @found.get("/dashboard/live")
    def changes() -> Response:
        """Rows to put in; nothing but the cursor where nothing has happened."""
        after, now = asked.number(request.args, "after") or 0, handed.now()
        with handed.open_reader() as reader:
            ends, hours = sums.tally.look(reader), sums.spend.look(reader)
            with reader.snapshot():
                head = reader.head().seq
                if head == after:
                    return jsonify({"cursor": head})
                # A log that is shorter than the cursor was put back to an earlier state.
                ids, names = reader.touched(after) if head > after else ([], [])
                trees = tree.forest(reader, now)
                calls = reader.executions_named(ids[:SHOWN])
                rows = call_rows(reader, calls)
                denied = any(row.state == DENIED for row in calls)
                denials = (
                    reader.activity(Filter(state=DENIED), limit=DENIALS).rows if denied else []
                )
                books = books_of(reader, now)
        names += [row.account for row in calls]
        touched = {above for name in names for above in trees.up(name)}
        call = get_template_attribute("parts.html", "call_row")
        account = get_template_attribute("parts.html", "account_row")
        accounts = tree.rows(trees, hours, ends, list(touched))
        return jsonify(
            {
                "cursor": head,
                "reload": head < after,
                # Oldest first: each is put above the others.
                "calls": [(row.execution_id, call(row)) for row in reversed(rows)],
                "accounts": [(row.name, account(row)) for row in accounts],
                "order": [one.name for _, one in trees.walk()],
                "denials": render_template("denials.html", denials=denial_rows(denials))
                if denied
                else None,
                "summary": render_template(
                    "summary.html", books=books, figures=figures(handed, trees, hours)
                ),
            }
        )

    return found

"""Answers that a provider keeps, and what going on from one adds to a call at the most.

Owns: remembering a bounded number of them, by provider and id, for as long as the gateway runs.
Refuses to know: how a bound is made (the wire format says it), who asked.

A call that names an answer which is not here is bounded by the model's window instead, and may use
anything: nothing depends on this memory but how closely a reserve fits, and what caps can tell.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping

from providers.wire import Facts, Reading, Stored

REMEMBERED = 4096


class Memory:
    """One of a gateway."""

    def __init__(self) -> None:
        self._of: defaultdict[str, OrderedDict[str, Stored]] = defaultdict(OrderedDict)

    def of(self, provider: str) -> Mapping[str, Stored]:
        """What is known of a provider's answers, by their ids."""
        return self._of[provider]

    def note(self, provider: str, facts: Facts, reading: Reading) -> None:
        """Takes in the answer to a call, with its bound if all that it rests on has one."""
        if reading.stored is None or facts.model is None:
            return
        name, told = reading.stored
        bounded = reading.usage is not None and not facts.input_unseen and not facts.server_units
        tokens = facts.input_tokens_max + told if bounded else None
        known = self._of[provider]
        known[name] = Stored(facts.model, tokens, facts.modalities, facts.uses)
        known.move_to_end(name)
        while len(known) > REMEMBERED:
            known.popitem(last=False)

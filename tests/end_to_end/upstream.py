"""The tests' hand on the fake provider: commands to it, and its book.

Owns: the control protocol's client side. Refuses to know: AEX.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.end_to_end.processes import Child, poll

REAL_KEY = "sk-real-provider-key-0123456789"


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """One line of the provider's book."""

    id: int
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: str
    status: int
    model: str | None
    stream: bool
    input_tokens: int
    output_tokens: int
    complete: bool
    held: bool
    gone: bool
    events: int

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    def cost(self, input_usd_per_mtok: str = "0.15", output_usd_per_mtok: str = "0.60") -> int:
        """What this call costs in nano-dollars, at prices per million tokens."""
        rates = [round(float(usd) * 1000) for usd in (input_usd_per_mtok, output_usd_per_mtok)]
        return self.input_tokens * rates[0] + self.output_tokens * rates[1]


class Provider:
    """The fake provider's process."""

    def __init__(self, folder: Path) -> None:
        arguments = ["-m", "tests.end_to_end.fake_provider", "--api-key", REAL_KEY]
        self.child = Child(arguments, folder / "provider.log", {})
        self.port = int(json.loads(self.child.first_line())["port"])
        self.url = f"http://127.0.0.1:{self.port}"
        self._client = httpx.Client(base_url=self.url, trust_env=False, timeout=10)

    def _control(self, **orders: Any) -> list[ProviderCall]:
        answer = self._client.post("/__control", json=orders).raise_for_status()
        fields = [
            {**call, "headers": [tuple(pair) for pair in call["headers"]]} for call in answer.json()
        ]
        return [ProviderCall(**call) for call in fields]

    def script(self, **script: Any) -> None:
        """What every call meets from now on; see `faults`."""
        self._control(script=script)

    def release(self) -> None:
        """Lets every held answer go on."""
        self._control(release=True)

    def reset(self) -> None:
        """No script, nothing held, an empty book."""
        self._control(reset=True)

    def calls(self) -> list[ProviderCall]:
        return self._control()

    def wait(self, fits: Callable[[list[ProviderCall]], bool], what: str) -> list[ProviderCall]:
        """The book once it fits."""
        return poll(lambda: calls if fits(calls := self.calls()) else [], f"{what}: {self.calls()}")

    def wait_held(self, count: int = 1) -> list[ProviderCall]:
        """The book once `count` answers are held at the gate."""
        return self.wait(lambda calls: sum(c.held for c in calls) >= count, f"{count} held")

    def close(self) -> None:
        self._client.close()
        self.child.stop()

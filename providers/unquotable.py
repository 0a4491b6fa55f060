"""Why there is no upper bound on what a call may cost, and what its operator can do about it.

Owns: one error for each reason. Refuses to know: which calls they are raised for (price.py).
"""

from __future__ import annotations


class Unquotable(LookupError):
    """There is no upper bound on this call's cost; `remedy` names what gives it one."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class UnknownPrice(Unquotable):
    """The model has no price."""

    def __init__(self, provider: str, model: str) -> None:
        super().__init__(
            f"No price is known for the model {model!r} of {provider}.",
            f'Add to aex.toml: [models."{model}"] with provider = "{provider}",'
            ' input_usd_per_mtok = "..." and output_usd_per_mtok = "...".',
        )
        self.provider = provider
        self.model = model


class UnknownUnit(Unquotable):
    """The model has prices, but none for something else that this call is billed by."""

    def __init__(self, model: str, unit: str) -> None:
        super().__init__(
            f"No price of {unit} is known for the model {model!r}.",
            f'Add to aex.toml: [models."{model}".unit_usd] with {unit} = "...", dollars for one.',
        )


class UnknownPart(Unquotable):
    """The model has prices, but none for a kind of tokens that is dearer than the rest."""

    def __init__(self, provider: str, model: str, unit: str) -> None:
        key = unit.replace("_tokens", "_usd_per_mtok")
        super().__init__(
            f"No price of {unit} is known for the model {model!r}.",
            f'Add to aex.toml: [models."{model}"] with provider = "{provider}" and price_as = a'
            f" model that has one, or input_usd_per_mtok, output_usd_per_mtok and {key}.",
        )


class UnknownTier(Unquotable):
    """The call asks for a dearer service tier, which has no price."""

    def __init__(self, model: str, tier: str) -> None:
        super().__init__(
            f"No price of the service tier {tier!r} is known for the model {model!r}.",
            "Leave the tier out of the request.",
        )


class UnknownWindow(Unquotable):
    """The call reads what was not sent with it, and nothing says how much that can be."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"No context window is known for the model {model!r}, and this call's input is not"
            " all in the request.",
            f'Add to aex.toml: [models."{model}"] with context_window = ... in tokens.',
        )


class UnknownLength(Unquotable):
    """The request has no field for an output cap, and nothing says how long the answer can be."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"No longest answer is known for the model {model!r}, and this call cannot be capped.",
            f'Add to aex.toml: [models."{model}"] with max_output_tokens = ...',
        )

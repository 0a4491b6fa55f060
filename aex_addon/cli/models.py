"""`aex models …`: which models have a price, and what a call of one would cost, line by line.

Owns: how prices are shown. Refuses to know: how they are found and bounded (providers).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from aex_addon.cli.context import Context, pass_context
from aex_addon.cli.models_reload import reload_models
from aex_addon.cli.output import Command, emit, facts, json_option, table
from aex_addon.cli.values import COUNT

if TYPE_CHECKING:
    from providers.explain import Line
    from providers.price import Price
    from providers.prices import PriceBook

_SHOWN = 8


def _tokens(*names: str, text: str, default: int = 0) -> Callable[[Command], Command]:
    return click.option(
        *names, type=COUNT, default=default, show_default=True, metavar="TOKENS", help=text
    )


@click.group()
def models() -> None:
    """Models: their prices, limits and routes."""


models.add_command(reload_models)


@models.command("list")
@click.option("--provider", default=None, help="Only this provider's.")
@click.option("--match", default="", metavar="TEXT", help="Only names that hold this text.")
@json_option
@pass_context
def list_models(context: Context, provider: str | None, match: str, as_json: bool) -> None:
    """Show the models that have a price, your own first.

    \b
    aex models list --provider openai --match mini
    """
    from ledger.errors import CommandRefused

    book, shown = _book(context), []
    for name in [provider] if provider else _providers(context):
        for model in book.models(name):
            price = _price(book, name, model) if match in model else None
            if price is not None:
                shown.append(price)
    if provider and not shown and not book.models(provider):
        raise CommandRefused(
            f"no model of {provider!r} has a price; known here: {', '.join(_providers(context))}"
        )
    if as_json:
        emit([_shape(price) for price in shown])
        return
    table(
        ("provider", "model", "in $/M", "out $/M", "max out", "max in", "source"),
        [
            (
                price.provider,
                price.model,
                _mtok(price, "input_tokens"),
                _mtok(price, "output_tokens"),
                price.max_output_tokens or "-",
                price.input_window or "-",
                "catalogue" if price.source.startswith("catalogue") else "aex.toml",
            )
            for price in shown
        ],
        right="in $/M out max",
        cut="model",
    )


@models.command("price")
@click.argument("model")
@click.option("--provider", default=None, help="Whose price, where several have the model.")
@_tokens("--input", "input_tokens", default=1000, text="All that is read.")
@_tokens("--output", "output_tokens", default=500, text="All that is written.")
@_tokens("--cached", default=0, text="Of the input: read from a cache.")
@_tokens("--cache-write", default=0, text="Of the input: written to a cache.")
@click.option("--tier", default=None, help="The service tier, such as flex or priority.")
@json_option
@pass_context
def price_model(
    context: Context,
    model: str,
    provider: str | None,
    input_tokens: int,
    output_tokens: int,
    cached: int,
    cache_write: int,
    tier: str | None,
    as_json: bool,
) -> None:
    """Show what a call would cost, line by line.

    \b
    aex models price gpt-4o-mini --input 1000 --output 500 --cached 200
    """
    from aex_addon.bill_lines import line_shape
    from providers.explain import lines
    from providers.wire import Usage

    price = _one(_book(context), [provider] if provider else _providers(context), model)
    counts = {"input_tokens": input_tokens, "output_tokens": output_tokens}
    if cached:
        counts["cache_read_tokens"] = cached
    if cache_write:
        counts["cache_write_tokens"] = cache_write
    if cached + cache_write > input_tokens:
        raise click.UsageError("--cached and --cache-write are parts of --input")
    found = lines(price.rates(tier, counts), counts)
    total = price.bill(Usage(counts, service_tier=tier))
    if as_json:
        shapes = [line_shape(line) for line in found]
        emit({**_shape(price), "lines": shapes, "total_nanousd": total})
        return
    _show(price, found, total)


def _show(price: Price, found: Sequence[Line], total: int) -> None:
    from ledger.money import show_usd

    table(
        ("what", "count", "price", "cost"),
        [
            (
                line.unit + (f" (above {line.above} input)" if line.above else ""),
                line.count,
                f"${line.price_usd.normalize():f} per {line.per:,}",
                f"${line.usd.normalize():f}",
            )
            for line in found
        ],
        right="count price cost",
    )
    facts(
        [
            ("total", show_usd(total)),
            ("model", f"{price.model} of {price.provider}"),
            ("price from", price.source),
            ("longest answer", price.max_output_tokens or "not known"),
            ("input at most", price.input_window or "not known"),
            ("bills unseen output", "yes" if price.hidden_output else "no"),
        ]
    )


def _shape(price: Price) -> dict[str, Any]:
    return {
        "provider": price.provider,
        "model": price.model,
        "input_usd_per_mtok": _mtok(price, "input_tokens"),
        "output_usd_per_mtok": _mtok(price, "output_tokens"),
        "max_output_tokens": price.max_output_tokens,
        "context_window": price.input_window,
        "hidden_output": price.hidden_output,
        "source": price.source,
    }


def _mtok(price: Price, unit: str) -> str | None:
    rate = price.standard.of(unit)
    return None if rate is None else f"{(rate.base * Decimal(10**6) / rate.per).normalize():f}"


def _book(context: Context) -> PriceBook:
    from aex_addon.pricing import price_book

    return price_book(context.settings)


def _providers(context: Context) -> list[str]:
    from aex_addon.provider_rows import rows

    return [row.provider.id for row in rows(context.settings.providers)]


def _price(book: PriceBook, provider: str, model: str) -> Price | None:
    from aex_addon.clock import utc_now
    from providers.unquotable import UnknownPrice

    try:
        return book.price(provider, model, utc_now())
    except UnknownPrice:
        return None


def _one(book: PriceBook, asked: Sequence[str], model: str) -> Price:
    from ledger.errors import CommandRefused

    found = [price for name in asked if (price := _price(book, name, model)) is not None]
    if len(asked) > 1:
        # A free server takes any name, which says nothing of this one.
        found = [price for price in found if price.source != "free"]
    # A name that is the provider's own goes before one that it merely resells.
    own = [price for price in found if model in book.models(price.provider)]
    # The first provider is the one that `/v1` leads to, so its models need no other name.
    if len(own or found) == 1 or (own and own[0].provider == asked[0]):
        return (own or found)[0]
    if found:
        names = ", ".join(price.provider for price in (own or found)[:_SHOWN])
        raise CommandRefused(f"{model!r} has a price at {names}; choose one with --provider")
    raise CommandRefused(
        f"no price is known for {model!r}; `aex models list --match TEXT` finds names, and "
        f'[models."{model}"] in aex.toml gives it one'
    )

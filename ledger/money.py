"""Nano-dollars: parsing, showing, rounding.

Owns: the one unit of money, the integer nano-dollar (10^-9 USD), and its limits.
Refuses to know: prices, tokens, budgets. No binary fractions anywhere.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal, InvalidOperation

NANOUSD_PER_USD = 1_000_000_000

# The largest integer that every JSON reader holds exactly (RFC 8785, section 3.2.2.3); it also
# keeps sums of thousands of budgets inside a signed 64-bit column.
MAX_NANOUSD = 2**53 - 1

# Elsewhere a comma begins the decimals: "1,5" as 15 would be ten times the budget that was meant.
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?\s*")


def parse_usd(text: str) -> int:
    """Dollars as people write them ("2", "0.50", "$1,000.25") in nano-dollars.

    Raises ValueError, with a sentence for the person, if it is no plain amount, has more than
    nine decimals, is negative, or is above MAX_NANOUSD (about nine million dollars).
    """
    written = text.strip().removeprefix("$")
    if "," in written and not _GROUPED.fullmatch(written):
        raise ValueError(f"{text!r} may be read in two ways; write 1.5, or 1,500 for thousands")
    cleaned = written.replace(",", "").replace("_", "")
    try:
        amount = Decimal(cleaned)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount in dollars, such as 5 or 0.25") from None
    if not amount.is_finite():
        raise ValueError(f"{text!r} is not a finite amount")
    if amount < 0:
        raise ValueError(f"{text!r} is negative; an amount must be 0 or more")
    if amount > MAX_NANOUSD // NANOUSD_PER_USD:
        raise ValueError(f"{text!r} is above the largest amount, {show_usd(MAX_NANOUSD)}")
    nanousd = amount * NANOUSD_PER_USD
    if nanousd != nanousd.to_integral_value():
        raise ValueError(f"{text!r} has more than nine decimals; the unit is a nano-dollar")
    return int(nanousd)


def ceil_nanousd(usd: Decimal) -> int:
    """An exact amount in dollars, rounded up to whole nano-dollars (once per execution)."""
    return int((usd * NANOUSD_PER_USD).to_integral_value(rounding=ROUND_CEILING))


def show_usd(nanousd: int) -> str:
    """An amount for people: at least two decimals, as many as it needs, never rounded."""
    sign = "-" if nanousd < 0 else ""
    whole, fraction = divmod(abs(nanousd), NANOUSD_PER_USD)
    digits = f"{fraction:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}${whole:,}.{digits}"

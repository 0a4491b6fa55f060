"""The trust stores of this machine: do they hold the CA that counts, or one from before?

Owns: what each finding means. A store without the CA is no fault: agents that `aex run` starts
are given the bundle. Refuses to know: how stores are read (certs/trust.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from aex_addon.cli.certs_stores import KINDS, state_of
from aex_addon.cli.checks.verdict import Verdict, doubtful, sound
from aex_addon.home import Home
from certs import ca
from certs.errors import CertsError
from certs.machine import this_machine
from certs.trust import look as look_into
from certs.trust import stores


def look(home: Home, environ: Mapping[str, str]) -> list[Verdict]:
    """One verdict a store; none where there is no CA, which authority.py tells of."""
    try:
        roots = ca.roots(ca.load(home.ca_dir))
    except (CertsError, OSError):
        return []
    machine, label = this_machine(environ), roots[0].label
    verdicts = []
    for store in stores(machine, KINDS, ()):
        seen = look_into(machine, store, roots)
        about = f"trust store ({store.kind})"
        said = f"{store.where}: {seen.problem or _WORDS[state_of(seen, label)]}"
        remedy = _REMEDIES.get(state_of(seen, label))
        verdicts.append(doubtful(about, said, remedy) if remedy else sound(about, said))
    return verdicts


_WORDS = {
    "trusted": "trusts the CA",
    "absent": "does not hold the CA; agents that `aex run` starts need no store",
    "replaced": "trusts a CA from before, not this one",
}
_REMEDIES = {
    "replaced": "run: aex certs install && aex certs uninstall --replaced",
    "unknown": "mend what it says; `aex certs install --stores …` leaves a store out",
}

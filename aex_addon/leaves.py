"""The certificates that agents are shown: short-lived, under a key that is not the CA's.

Owns: putting AEX's leaves in the place of mitmproxy's (which hold the CA's own key, for 199 days),
keeping each until it is near its end, and following a CA that is replaced while the gateway runs.
Refuses to know: the shape of a leaf (certs/leaf.py), which hosts are opened (doors.py).

mitmproxy makes its store anew whenever one of its options changes, under either master; so the
store is looked at before each handshake, which costs one `stat`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from mitmproxy import ctx, tls
from mitmproxy.certs import Cert, CertStore, CertStoreEntry

from aex_addon import clock
from certs import ca
from certs.errors import CertsError
from certs.leaf import RENEW_BEFORE, leaf, leaf_key

logger = logging.getLogger("aex")

_Identity = tuple[int, int, int]


class LeafStore(CertStore):
    """mitmproxy's store of certificates, with leaves of AEX's own."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._key = leaf_key()

    @classmethod
    def over(cls, store: CertStore) -> LeafStore:
        """The same CA, and the certificates that the user gave mitmproxy by name (`--certs`)."""
        made = cls(
            store.default_privatekey,
            store.default_ca,
            store.default_chain_file,
            store.default_crl,
            store.dhparams,
        )
        given = {name: entry for name, entry in store.certs.items() if isinstance(name, str)}
        made.certs.update(given)
        return made

    def get_cert(
        self,
        commonname: str | None,
        sans: Iterable[x509.GeneralName],
        organization: str | None = None,
        crl_url: str | None = None,
    ) -> CertStoreEntry:
        """The entry for these names; a given certificate goes before one that is made."""
        names = x509.GeneralNames(sans)
        now = clock.utc_now()
        if _ends(self.certs.get((commonname, names)), now):
            entry = self._made(list(names), now)
            self.certs[commonname, names] = entry
            self.expire(entry)  # puts it into the queue of a hundred
        return super().get_cert(commonname, names, organization, crl_url)

    def _made(self, names: list[x509.GeneralName], now: datetime) -> CertStoreEntry:
        # mitmproxy's annotations say RSA throughout; any key that OpenSSL takes will do.
        issuing_key = cast(ec.EllipticCurvePrivateKey, self.default_privatekey)
        issuing = self.default_ca.to_cryptography()
        made = leaf(issuing, issuing_key, self._key.public_key(), names, now)
        key: Any = self._key
        return CertStoreEntry(Cert(made), key, self.default_chain_file, self.default_chain_certs)


class Leaves:
    """Looks, before a handshake with an agent, that the store is AEX's and of the CA on disk."""

    def __init__(self, ca_dir: Path) -> None:
        self._ca_dir = ca_dir
        self._seen: _Identity | None = None

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """An agent begins TLS; its certificate is chosen after this."""
        del data
        config = ctx.master.addons.get("tlsconfig")
        identity = _identity(self._ca_dir / ca.KEY_FILE)
        if identity != self._seen:
            self._follow(config)
            self._seen = identity
        if not isinstance(config.certstore, LeafStore):
            config.certstore = LeafStore.over(config.certstore)

    def _follow(self, config: Any) -> None:
        try:
            ca.load(self._ca_dir)
        except (CertsError, OSError) as error:
            logger.warning("the certificate authority stays the one from before: %s", error)
        else:
            config.configure({"confdir"})


def _ends(entry: CertStoreEntry | None, now: datetime) -> bool:
    return entry is None or entry.cert.notafter - now < RENEW_BEFORE


def _identity(path: Path) -> _Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size

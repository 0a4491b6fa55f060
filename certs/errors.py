"""Everything this package can refuse, as a tree.

Owns: the exceptions that a caller acts on; every message ends with the way out.
Refuses to know: why a caller wanted the thing.

    CertsError
    ├── HostRefused         a host that a name constraint cannot hold safely
    ├── AuthorityMissing    no CA has been made in this directory yet
    ├── AuthorityForeign    the CA file here is broken or was not made by AEX; it is left alone
    ├── AuthorityStale      the CA is about to be replaced; who trusted it now would do so in vain
    ├── KeyExposed          others can read the key, or replace it
    ├── BundleRefused       a bundle would leave its reader without the roots it needs
    └── StoreFailed         a trust store, or the tool that changes it, did not do what it should
"""

from __future__ import annotations


class CertsError(Exception):
    """Base of all errors of this package."""


class HostRefused(CertsError):
    """A host name that the CA cannot be limited to (empty list, IP, inner wildcard, bare TLD)."""


class AuthorityMissing(CertsError):
    """The directory holds no CA."""


class AuthorityForeign(CertsError):
    """The CA file cannot be read as one that AEX made; nothing was overwritten."""


class AuthorityStale(CertsError):
    """The CA no longer fits, or ends soon; the next start of the gateway replaces it."""


class KeyExposed(CertsError):
    """The key, or the directory around it, is open to other users of the machine."""


class BundleRefused(CertsError):
    """The bundle would hold no AEX root, or no public roots at all."""


class StoreFailed(CertsError):
    """A trust store could not be read or changed; the message is what its tool said."""

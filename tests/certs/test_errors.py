"""Laws of certs/errors.py."""

from __future__ import annotations

import inspect

from certs import errors


def test_every_refusal_has_one_base() -> None:
    """A caller can catch everything that this package refuses by one class."""
    classes = [found for _, found in inspect.getmembers(errors, inspect.isclass)]
    assert len(classes) == 8
    assert all(issubclass(found, errors.CertsError) for found in classes)


def test_the_docstring_names_every_refusal() -> None:
    """The tree at the head of the file is complete."""
    for name, _ in inspect.getmembers(errors, inspect.isclass):
        assert name in (errors.__doc__ or "")

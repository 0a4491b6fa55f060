"""The nouns: what makes two calls the same thing, and what of a call is never shown."""

from __future__ import annotations

from providers.wire import Call, Denial, Facts, Refused


def test_the_canonical_route_of_a_call() -> None:
    """It is the path itself, unless the host has it nested elsewhere."""
    assert Call("openai", "POST", "/v1/x", "", {}, b"").route == "/v1/x"
    assert Call("groq", "POST", "/openai/v1/x", "", {}, b"", "/v1/x").route == "/v1/x"
    assert Call("groq", "POST", "/v1/x", "", {}, b"", "").route == ""


def test_calls_to_the_same_thing_have_one_scope() -> None:
    """Two of a host's paths for one thing share it; two models in the path do not."""
    bare, versioned = (
        Call("deepseek", "POST", path, "", {}, b"", "/v1/x") for path in ("/x", "/v1/x")
    )
    assert bare.scope == versioned.scope == ("/v1/x", "")
    assert Call("azure", "POST", "/d/a/x", "", {}, b"", "/v1/x", "a").scope == ("/v1/x", "a")
    assert Call("groq", "POST", "/y", "", {}, b"", "").scope == ("/y", "")


def test_refused_carries_its_denial() -> None:
    """The exception is the way of a denial out of `read`."""
    denial = Denial(402, "budget_exceeded", "No money left.")
    assert Refused(denial).denial is denial
    assert str(Refused(denial)) == denial.message


def test_a_denial_in_sentences() -> None:
    """The remedy stands behind the message, and nothing where there is none."""
    assert Denial(403, "c", "It is refused.").sentences == "It is refused."
    assert Denial(403, "c", "It is refused.", "Ask.").sentences == "It is refused. Ask."


def test_documents_are_never_shown() -> None:
    """A parsed body stays out of the text that logs would hold."""
    assert "secret" not in repr(Facts("x", "metered", document={"prompt": "secret"}))

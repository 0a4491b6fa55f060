"""Will a command be governed? Which door holds it, what would go around, what to do about that.

Owns: what is known of each runtime; pure, but for the one look whether there can be a jail.
Refuses to know: how a runtime is told (aex_addon/around/runtime.py).

What is said of Node, Python, Deno, Bun, Go, Rust and curl was measured; of the others it is what
their makers document.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from aex_addon.around.runtime import Runtime
from aex_addon.cli.checks.verdict import Verdict, broken, doubtful, sound

_JAIL = "run it with --jail, and nothing goes around"
_READS = "reads HTTPS_PROXY and the bundle of AEX's CA"
# Runtimes that need nothing but the variables.
_BY_THEMSELVES = {
    "bun": "Bun",
    "curl": "curl",
    "deno": "Deno",
    "dotnet": ".NET",
    "go": "Go",
    "ruby": "Ruby",
}
_PROBE = "import os; os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)"


def look(runtime: Runtime, *, jail: bool) -> Iterator[Verdict]:
    """What it is, then each door. `jail` says whether this machine can have one."""
    if runtime.kind == "missing":
        yield broken("command", f"{runtime.path}: command not found", "check its name, and PATH")
        return
    yield sound("command", _named(runtime))
    if runtime.kind == "elsewhere":
        yield broken(
            "doors",
            f"what {runtime.path} starts does not get this environment: no door holds",
            "put `aex run` behind it, or give it what `aex env --shell docker` prints",
        )
        return
    if runtime.cleared:
        yield broken(
            "doors",
            "env takes variables away before the command starts: no door holds",
            "put `aex run` behind env, or leave -i out",
        )
        return
    yield proxy_door(runtime)
    yield sound("base URL", "holds for SDKs that read OPENAI_BASE_URL, ANTHROPIC_BASE_URL and such")
    yield (
        sound("jail", "possible here: with --jail there is no way around")
        if jail
        else doubtful(
            "jail",
            "not possible here, so ways around are noticed at best",
            "on Linux, allow user namespaces: `aex run --jail` says how",
        )
    )


def proxy_door(runtime: Runtime) -> Verdict:
    """Whether the runtime goes through the proxy that its environment names."""
    about = "proxy"
    match runtime.kind:
        case "node":
            return _node(runtime.version)
        case "python":
            return _python(runtime.options)
        case "curl" if "--noproxy" in runtime.options:
            return doubtful(
                about,
                "curl is told to use no proxy, and goes around",
                f"leave --noproxy out, or {_JAIL}",
            )
        case "java":
            return doubtful(
                about,
                "Java reads neither HTTPS_PROXY nor the bundle, and goes around",
                f"use an SDK that reads its base URL, and {_JAIL}",
            )
        case "php":
            return doubtful(
                about, "PHP's curl holds, its stream wrappers go around", f"use curl, or {_JAIL}"
            )
        case "shell":
            return doubtful(
                about,
                "a shell script: each program that it starts decides for itself",
                f"ask `aex doctor -- PROGRAM` for them, or {_JAIL}",
            )
        case "rust":
            return doubtful(
                about,
                "a Rust program: most read HTTPS_PROXY, some bring roots of their own",
                f"try it: a TLS error means that it needs the base URL; {_JAIL}",
            )
        case kind if kind in _BY_THEMSELVES:
            return sound(about, f"holds: {_BY_THEMSELVES[kind]} {_READS}")
        case _:
            make = "a binary" if runtime.linked else "a static binary"
            return doubtful(about, f"{make} of unknown make: nothing says what it reads", _JAIL)


def _node(version: tuple[int, ...]) -> Verdict:
    if not version:
        return sound("proxy", "holds: Node reads it, or gets the shim that does")
    if (22, 21) <= version < (23,) or version >= (24, 5):
        return sound(
            "proxy",
            "holds: this Node reads HTTPS_PROXY (NODE_USE_ENV_PROXY=1), and gets the shim for an "
            "https.Agent of the program's own, which goes around with --no-shims",
        )
    return sound(
        "proxy",
        "holds with the shim that `aex run` and `aex env` load; by itself, or with --no-shims, "
        "this Node goes around (22.21 and 24.5 are the first that do not)",
    )


def _python(options: tuple[str, ...]) -> Verdict:
    told = "".join(word[1:] for word in _leading(options))
    if set(told) & set("IES"):
        return doubtful(
            "proxy",
            "requests, httpx and urllib hold; with -I, -E or -S no shim is loaded, and aiohttp "
            "goes around without trust_env=True",
            f"leave the option out, or {_JAIL}",
        )
    return sound("proxy", "holds: requests, httpx and urllib by themselves, aiohttp by the shim")


def _leading(options: tuple[str, ...]) -> Iterator[str]:
    for word in options:
        if not word.startswith("-") or word.startswith("--") or word in {"-c", "-m"}:
            return
        yield word


def _named(runtime: Runtime) -> str:
    version = ".".join(map(str, runtime.version))
    return f"{' '.join(filter(None, (runtime.kind, version)))}, {runtime.path}"


def jail_possible() -> bool:
    """Whether this kernel gives this user the namespaces of a jail."""
    if not sys.platform.startswith("linux"):
        return False
    words = [sys.executable, "-I", "-S", "-c", _PROBE]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0

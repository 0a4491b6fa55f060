"""The witness: whom the operator names to keep checkpoints where this machine cannot reach.

Owns: handing a signed note over, to a command's standard input or by POST, in bounded time.
Refuses to know: what the witness does with it, when it is called.
"""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence

_PATIENCE_S = 10
_SAID_MAX = 200


class WitnessError(Exception):
    """The witness did not take the note; it is offered the next one again."""


def call_command(command: Sequence[str], note: str) -> None:
    """Runs the command with the note on its standard input. Raises WitnessError."""
    try:
        done = subprocess.run(
            list(command),
            input=note.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WitnessError(f"witness_command took over {_PATIENCE_S} s") from None
    except OSError as error:
        raise WitnessError(f"witness_command cannot be run: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-_SAID_MAX:]
        raise WitnessError(f"witness_command failed with exit code {done.returncode}: {said}")


def post(url: str, note: str) -> None:
    """Posts the note as text/plain. Raises WitnessError."""
    headers = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "aex"}
    # The setting allows http and https only.
    request = urllib.request.Request(url, note.encode(), headers, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S):  # noqa: S310
            return
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
        raise WitnessError(f"witness_url answered {status}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise WitnessError(f"witness_url cannot be reached: {reason}") from error

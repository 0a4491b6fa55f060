"""Does jobs with an SDK that is slow to import: once here, and then in a fork for each job.

Owns: the jobs on standard input and what they came to, one JSON object a line each.
Refuses to know: AEX, any SDK. It runs in the SDK's own environment, so it imports nothing of the
tests (frameworks.py is the other end).

    python forking.py AGENT.py       AGENT.py has WAYS: by its name, what does a job

A job is `{"id": ID, "do": NAME, "environment": {...}, "times": N, ...}`; it begins with that
environment, as a program of its own would, and does the same N times over. It comes to what the
way returned last, or to the class and words of what it raised.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import signal
import sys
import traceback
from typing import Any

# A job that hangs is ended by the system.
SECONDS = 60


def done(ways: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    """What a job came to."""
    os.environ.update(job["environment"])
    try:
        return {"answer": [ways[job["do"]](job) for _ in range(job["times"])][-1]}
    except Exception as error:
        traceback.print_exc()
        names = [each.__name__ for each in type(error).__mro__]
        told = {"raised": names[0], "kinds": names, "told": str(error)}
        return {**told, "status": getattr(error, "status_code", None)}


def forked(ways: dict[str, Any], job: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What a job came to in a fork, and what that has imported."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        with os.fdopen(writing, "w") as out:
            json.dump([done(ways, job), list(sys.modules)], out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        said = told.read()
    died = os.waitpid(child, 0)[1] != 0
    came_to, modules = ({"died": True}, []) if died else json.loads(said)
    return came_to, modules


def main() -> None:
    # What an SDK prints goes where errors go.
    results = os.dup(1)
    os.dup2(2, 1)
    ways = runpy.run_path(sys.argv[1])["WAYS"]
    for line in sys.stdin:
        job = json.loads(line)
        came_to, modules = forked(ways, job)
        os.write(results, json.dumps({"id": job["id"], **came_to}).encode() + b"\n")
        # What was imported late by one fork, the next ones need not import again.
        for name in set(modules) - sys.modules.keys():
            with contextlib.suppress(Exception):
                importlib.import_module(name)


main()

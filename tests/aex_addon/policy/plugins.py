"""Plugins that do as the agent's name says, and a generation of workers for them.

Owns: everything that a plugin can do wrong. Refuses to know: what becomes of it.
"""

from __future__ import annotations

from hashlib import sha256

from aex_addon.policy.files import PluginFile

# What a plugin does, and with which words its call is then denied.
WRONGS = {
    "time.sleep(1000)": "no answer came within",
    "while True: pass": "no answer came within",
    "os.kill(os.getpid(), signal.SIGSTOP)": "no answer came within",
    "raise ValueError('no')": "ValueError: no",
    "raise SystemExit(0)": "SystemExit: 0",
    "os._exit(0)": "its worker ended",
    "os.kill(os.getpid(), signal.SIGKILL)": "its worker ended",
    "os.fork()": "may start no process",
    "subprocess.Popen(['sleep', '1000'])": "may start no process",
    "os.posix_spawn('/bin/sleep', ['sleep', '1000'], {})": "may start no process",
    "os.system('true')": "may start no process",
    "threading.Thread(target=time.sleep).start()": "may start no process and no thread",
    "bytearray(10 << 30)": "more memory than",
    "os.write(os.memfd_create('a'), b'x')": "File too large",
    "[os.write(n, b'\\0\\0\\0\\2{}') for n in channels()]": "disturbed the channel",
    "[os.write(n, b'\\xff' * 9) for n in channels()]": "disturbed the channel",
    "[os.close(n) for n in channels()]": "its worker ended",
    "return None": "it is no dictionary",
    "return 'DENY'": "it is no dictionary",
    "return ['allow']": "it is no dictionary",
    "return {'decision': 'allow', 'reason': 'x' * 20_000}": "larger than",
    "return {'decision': 'allow', 'reason': float('nan')}": "Out of range float values",
    "return {'decision': 'allow', 'patch': {'max_output_tokens': 10 ** 30}}": "whole numbers",
    "return {'decision': {'allow'}}": "not JSON serializable",
    "return recursive()": "Circular reference",
}
HEAD = """
import os, signal, subprocess, threading, time

def channels():
    sockets = [n for n in range(3, 64) if alive(n)]
    return sockets

def alive(n):
    try:
        return os.readlink(f'/proc/self/fd/{n}').startswith('socket:')
    except OSError:
        return False

def recursive():
    found = {}
    found['decision'] = found
    return found
"""


def plugin(name: str, *body: str, head: str = "") -> PluginFile:
    """A file whose `evaluate(context)` has these lines."""
    lines = [HEAD, head, "def evaluate(context):", *(f"    {line}" for line in body)]
    source = "\n".join(lines) + "\n"
    return PluginFile(name, source, sha256(source.encode()).hexdigest())


def by_agent(*wrongs: str) -> PluginFile:
    """A plugin that does the wrong whose number is the agent's name, and else allows."""
    body = [f"if context['agent'] == '{n}': {wrong}" for n, wrong in enumerate(wrongs)]
    body = [line.replace(": while True: pass", ":\n        while True: pass") for line in body]
    return plugin("a.py", *body, "return {'decision': 'allow'}")

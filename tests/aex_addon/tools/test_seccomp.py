"""The filter, run on a machine of this test's own; hostile tools meet it in the kernel's."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from aex_addon.tools import seccomp

X86, ARM = seccomp.MACHINES["x86_64"], seccomp.MACHINES["aarch64"]
ALLOWED = 0x7FFF0000
HEADERS = {
    0: Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    1: Path("/usr/include/asm-generic/unistd.h"),
}


def verdict(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """What the filter answers to a call: the classic BPF that it uses, interpreted."""
    raw = seccomp.program(machine)
    assert raw is not None
    known = seccomp.MACHINES[machine]
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", number, known.audit if audit is None else audit, 0, *words)
    program = list(struct.iter_unpack("=HBBI", raw))
    at, held = 0, 0
    while True:
        code, if_true, if_false, value = program[at]
        at += 1
        match code:
            case 0x20:
                (held,) = struct.unpack_from("=I", data, value)
            case 0x06:
                return int(value)
            case 0x15 | 0x35 | 0x45:
                holds = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
                at += if_true if holds else if_false
            case _:
                raise AssertionError(code)


def refused(error: int) -> int:
    return 0x00050000 | error


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_what_is_on_the_list_is_refused(machine: str) -> None:
    """Each of them, and none of those that every program needs."""
    known = seccomp.MACHINES[machine]
    numbers = {numbers[known.column] for numbers in seccomp.REFUSED.values()} - {None}
    absent = {numbers[known.column] for numbers in seccomp.ABSENT.values()}
    for number in range(600):
        found = verdict(machine, number)
        if number in numbers:
            assert found == refused(errno.EPERM)
        elif number in absent:
            assert found == refused(errno.ENOSYS)
        elif number in (known.socket, known.socketpair):
            assert found == refused(errno.EAFNOSUPPORT)
        else:
            assert found == ALLOWED, number


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_arguments_are_looked_at(machine: str) -> None:
    """New namespaces, keystrokes, outliving AEX, memory that is shared and of no file, and families
    of sockets that are no network's."""
    known = seccomp.MACHINES[machine]
    thread = 0x003D0F00
    assert verdict(machine, known.clone, thread) == ALLOWED
    for flag in (0x00020000, 0x10000000, 0x20000000, 0x40000000):
        assert verdict(machine, known.clone, thread | flag) == refused(errno.EPERM)
    assert verdict(machine, known.ioctl, 0, 0x5401) == ALLOWED
    for request in (0x5412, 0x541C):
        # The kernel reads 32 bits of it, so the others are no way around.
        for high in (0, 1 << 32):
            assert verdict(machine, known.ioctl, 0, high | request) == refused(errno.EPERM)
    assert verdict(machine, known.prctl, 15) == ALLOWED
    assert verdict(machine, known.prctl, 1) == refused(errno.EPERM)
    for flags in (0x21, 0x20021, 0x23, (1 << 32) | 0x21):
        assert verdict(machine, known.mmap, 0, 4096, 3, flags) == refused(errno.EPERM)
    # Of a file, shared or not; or a process's own.
    for flags in (0x01, 0x02, 0x22, 0x4022):
        assert verdict(machine, known.mmap, 0, 4096, 3, flags) == ALLOWED
    for family in range(60):
        expected = ALLOWED if family in (1, 2, 10, 16) else refused(errno.EAFNOSUPPORT)
        assert verdict(machine, known.socket, family) == expected
        assert verdict(machine, known.socketpair, family) == expected


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_no_file_lends_rights(machine: str) -> None:
    """Whoever sets a mode sets none with which the file runs as its owner or its group."""
    column = seccomp.MACHINES[machine].column
    for numbers, place in seccomp.MODES.values():
        before, number = [0] * place, numbers[column]
        for mode in (0o4755, 0o2755, 0o6000) if number is not None else ():
            assert verdict(machine, number, *before, mode) == refused(errno.EPERM)
        if number is not None:
            assert verdict(machine, number, *before, 0o1777) == ALLOWED
    for numbers, place in seccomp.OPENS.values():
        before, number = [0] * (place - 1), numbers[column]
        if number is not None:
            assert verdict(machine, number, *before, 0o101, 0o4755) == refused(errno.EPERM)
            assert verdict(machine, number, *before, 0o101, 0o755) == ALLOWED
            assert verdict(machine, number, *before, 0o20200002, 0o4755) == refused(errno.EPERM)
            # Where no file is made nothing is said there, and anything may stand there.
            assert verdict(machine, number, *before, 0o2, 0o4755) == ALLOWED


def test_other_numbers_of_the_same_calls() -> None:
    """A 32-bit program is ended; the x32 interface is not there."""
    assert verdict("x86_64", 1, audit=0x40000003) == 0x80000000
    assert verdict("x86_64", 0x40000000 | 101) == refused(errno.ENOSYS)


def test_other_machines_have_none() -> None:
    """A filter that would not fit is no filter."""
    assert seccomp.program("riscv64") is None


@pytest.mark.parametrize("column", [0, 1])
def test_the_numbers_are_the_kernels(column: int) -> None:
    """Held against its own headers."""
    if not HEADERS[column].exists():
        pytest.skip("needs linux-libc-dev")
    text = HEADERS[column].read_text()
    listed = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)
    known = {name: int(number) for name, number in listed}
    for name, numbers in seccomp.REFUSED.items():
        assert numbers[column] == known.get(name), name
    machine = (X86, ARM)[column]
    for name, numbers in seccomp.ABSENT.items():
        assert numbers[column] == known[name]
    for name, (moded, _) in (seccomp.MODES | seccomp.OPENS).items():  # type: ignore[operator]
        assert moded[column] == known.get(name, moded[column] if name == "fchmodat2" else None)
    for name in ("clone", "ioctl", "mmap", "prctl", "socket", "socketpair"):
        assert getattr(machine, name) == known[name]

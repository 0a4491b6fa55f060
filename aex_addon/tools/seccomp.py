"""Which questions a tool may not ask the kernel, as a filter that bwrap loads.

Owns: the list, and writing it as classic BPF. Refuses to know: everything else of the sandbox.

A second wall: namespaces, the user and the limits hold without it. It closes what they leave open:
parts of the kernel that no tool needs and that had most of its holes, memory that belongs to no
process and so escapes the count (memfd, System V, mappings that are shared and of no file, pages
lent to a pipe), sockets that know no network namespace, and files that would run with the rights of
AEX's user, left in a folder that others can reach.

Mirrors https://man7.org/linux/man-pages/man2/seccomp.2.html and, for the numbers, the kernel's
arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# Of a call on x86-64 and on aarch64; None where it is not there.
Numbers = tuple[int | None, int | None]

# Offsets in struct seccomp_data; arguments are 64 bits wide, the lower half comes first on both.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
# On x86-64: numbers of the x32 interface, which has the same calls again.
_X32 = 0x40000000

# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x60000000
# Typing into the terminal of somebody else.
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
# Of such a mapping pages stay that no process has in its tables any more.
_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20
# What ends a sandbox with AEX, whatever ended AEX.
_PR_SET_PDEATHSIG = 1
# AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. AF_VSOCK, for one, reaches past every network namespace.
_FAMILIES = (1, 2, 10, 16)


@dataclass(frozen=True, slots=True)
class Machine:
    """An architecture: its AUDIT_ARCH, its column in the table, and its numbers that take a look
    at their arguments."""

    audit: int
    column: int
    clone: int
    ioctl: int
    mmap: int
    prctl: int
    socket: int
    socketpair: int


MACHINES: Mapping[str, Machine] = {
    "x86_64": Machine(0xC000003E, 0, 56, 16, 9, 157, 41, 53),
    "aarch64": Machine(0xC00000B7, 1, 220, 29, 222, 167, 198, 199),
}

# What has its answer in memory, where no filter sees it; C libraries go on with what came before.
ABSENT: Mapping[str, Numbers] = {"clone3": (435, 435), "openat2": (437, 437)}

# Calls that set the mode of a file, and which argument that is; those that do only where they make
# one have their flags before it.
MODES: Mapping[str, tuple[Numbers, int]] = {
    "chmod": ((90, None), 1),
    "creat": ((85, None), 1),
    "fchmod": ((91, 52), 1),
    "fchmodat": ((268, 53), 2),
    "fchmodat2": ((452, 452), 2),
    "mknod": ((133, None), 1),
    "mknodat": ((259, 33), 2),
}
OPENS: Mapping[str, tuple[Numbers, int]] = {
    "open": ((2, None), 2),
    "openat": ((257, 56), 3),
}
# S_ISUID, S_ISGID; O_CREAT, O_TMPFILE without the bit that it shares with O_DIRECTORY.
_SETID, _CREATES = 0o6000, 0o20000100

# Refused with EPERM, as most of them would be anyway for want of a capability.
REFUSED: Mapping[str, Numbers] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_setup": (206, 0),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "semget": (64, 190),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
    "vmsplice": (278, 75),
}


def program(machine: str) -> bytes | None:
    """The filter for an architecture (as platform.machine names it), or None if none is known."""
    known = MACHINES.get(machine)
    if known is None:
        return None
    return b"".join(struct.pack("=HBBI", *each) for each in _instructions(known))


def _instructions(machine: Machine) -> Iterator[tuple[int, int, int, int]]:
    """Operation, how many to pass over if true and if not, operand."""
    yield _LOAD, 0, 0, _ARCHITECTURE
    yield _EQUAL, 1, 0, machine.audit
    yield _RETURN, 0, 0, _KILL_PROCESS
    yield _LOAD, 0, 0, _NUMBER
    yield _AT_LEAST, 0, 1, _X32
    yield _RETURN, 0, 0, _ERRNO | errno.ENOSYS
    for numbers in REFUSED.values():
        number = numbers[machine.column]
        if number is not None:
            yield _EQUAL, 0, 1, number
            yield _RETURN, 0, 0, _ERRNO | errno.EPERM
    for numbers in ABSENT.values():
        number = numbers[machine.column]
        if number is not None:
            yield _EQUAL, 0, 1, number
            yield _RETURN, 0, 0, _ERRNO | errno.ENOSYS
    for table, makes in ((MODES, False), (OPENS, True)):
        for numbers, place in table.values():
            number = numbers[machine.column]
            if number is not None:
                yield from _moded(number, place, makes)
    yield _EQUAL, 0, 4, machine.clone
    yield _LOAD, 0, 0, _ARGUMENTS
    yield _ANY_BIT, 0, 1, _NAMESPACES
    yield _RETURN, 0, 0, _ERRNO | errno.EPERM
    yield _RETURN, 0, 0, _ALLOW
    yield _EQUAL, 0, 5, machine.mmap
    yield _LOAD, 0, 0, _ARGUMENTS + 8 * 3
    yield _ANY_BIT, 0, 2, _MAP_ANONYMOUS
    yield _ANY_BIT, 0, 1, _MAP_SHARED
    yield _RETURN, 0, 0, _ERRNO | errno.EPERM
    yield _RETURN, 0, 0, _ALLOW
    yield from _argued(machine.ioctl, 1, _TIOCSTI, _TIOCLINUX)
    yield from _argued(machine.prctl, 0, _PR_SET_PDEATHSIG)
    # Either of the two goes on to the look at the family.
    yield _EQUAL, 2, 0, machine.socket
    yield _EQUAL, 1, 0, machine.socketpair
    yield _RETURN, 0, 0, _ALLOW
    yield _LOAD, 0, 0, _ARGUMENTS
    for family in _FAMILIES:
        yield _EQUAL, 0, 1, family
        yield _RETURN, 0, 0, _ALLOW
    yield _RETURN, 0, 0, _ERRNO | errno.EAFNOSUPPORT


def _argued(number: int, place: int, *refused: int) -> Iterator[tuple[int, int, int, int]]:
    """A call that is refused where the argument at this place is one of these."""
    yield _EQUAL, 0, 2 + 2 * len(refused), number
    yield _LOAD, 0, 0, _ARGUMENTS + 8 * place
    for value in refused:
        yield _EQUAL, 0, 1, value
        yield _RETURN, 0, 0, _ERRNO | errno.EPERM
    yield _RETURN, 0, 0, _ALLOW


def _moded(number: int, place: int, makes: bool) -> Iterator[tuple[int, int, int, int]]:
    """A call that is refused where the mode at this place lends somebody's rights."""
    yield _EQUAL, 0, 6 if makes else 4, number
    if makes:
        yield _LOAD, 0, 0, _ARGUMENTS + 8 * (place - 1)
        yield _ANY_BIT, 0, 3, _CREATES
    yield _LOAD, 0, 0, _ARGUMENTS + 8 * place
    yield _ANY_BIT, 0, 1, _SETID
    yield _RETURN, 0, 0, _ERRNO | errno.EPERM
    yield _RETURN, 0, 0, _ALLOW

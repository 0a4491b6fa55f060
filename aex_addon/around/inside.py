"""The first thing in a jail: makes it, hands its doors out, and becomes the command.

    python -I -S inside.py FD PORT -- COMMAND …

Owns: the namespaces of this process. All addresses there are its own, so every connection ends at
a socket that was opened here, or is refused at once; the sockets are handed to the process outside
(jail.py), through the UNIX socket FD. Linux alone has this.
Refuses to know: who answers, and AEX: it imports nothing but the standard library.

Needs: https://man7.org/linux/man-pages/man7/user_namespaces.7.html, and for the routes
https://man7.org/linux/man-pages/man7/rtnetlink.7.html
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import sys
from pathlib import Path

# <linux/if.h>, <linux/sockios.h>
_SIOCSIFFLAGS, _UP_AND_RUNNING = 0x8914, 0x41
# <linux/rtnetlink.h>: a route of the table "local", of the type "local", on this interface.
_RTM_NEWROUTE, _CREATE_AND_ACK = 24, 0x1 | 0x4 | 0x400
_TABLE_LOCAL, _PROTO_STATIC, _TYPE_LOCAL = 255, 4, 2
_SCOPE = {socket.AF_INET: 254, socket.AF_INET6: 0}
_RTA_OIF = 4
_HEADER = 16
_DNS, _TRAPS = 53, (443, 80)
FAILED = 125


def main(words: list[str]) -> None:
    """Makes the jail and becomes the command; exits with FAILED where the kernel forbids."""
    descriptor, port, _, *command = words
    with socket.socket(fileno=int(descriptor)) as outside:
        try:
            _separate(outside)
            doors = _doors(int(port))
        except OSError as error:
            outside.send(f"failed {error.strerror}".encode())
            sys.exit(FAILED)
        names = ",".join(name for name, _ in doors)
        socket.send_fds(outside, [f"doors {names}".encode()], [each.fileno() for _, each in doors])
        outside.recv(16)
    # The doors are open outside as well, and close here when the command begins.
    _become(command)


def _separate(outside: socket.socket) -> None:
    uid, gid = os.getuid(), os.getgid()
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
    # Who is root outside can map all users, so that files keep their owners; others only theirs.
    outside.send(f"map {os.getpid()}".encode())
    if outside.recv(16) != b"mapped":
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = struct.pack("16sH14x", b"lo", _UP_AND_RUNNING)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, flags)
    _own_all_addresses(socket.AF_INET)
    try:
        _own_all_addresses(socket.AF_INET6)
    except OSError:
        # A kernel without IPv6 has no way out by it.
        return


def _own_all_addresses(family: socket.AddressFamily) -> None:
    kind = (_TABLE_LOCAL, _PROTO_STATIC, _SCOPE[family], _TYPE_LOCAL)
    route = struct.pack("BBBBBBBBI", family, 0, 0, 0, *kind, 0)
    route += struct.pack("HHI", 8, _RTA_OIF, socket.if_nametoindex("lo"))
    header = struct.pack("IHHII", _HEADER + len(route), _RTM_NEWROUTE, _CREATE_AND_ACK, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.send(header + route)
        problem = -struct.unpack_from("i", kernel.recv(4096), _HEADER)[0]
    if problem:
        raise OSError(problem, os.strerror(problem))


def _doors(gateway_port: int) -> list[tuple[str, socket.socket]]:
    doors = [("gateway", _listener(gateway_port))]
    doors += [("trap", _listener(port)) for port in _TRAPS if port != gateway_port]
    for server in _name_servers():
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        asked = socket.socket(family, socket.SOCK_DGRAM)
        try:
            asked.bind((server, _DNS))
        except OSError:
            continue
        doors.append(("names", asked))
    return doors


def _listener(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        where, options = ("::", port), {"family": socket.AF_INET6, "dualstack_ipv6": True}
    else:
        where, options = ("", port), {}
    return socket.create_server(where, backlog=128, **options)  # type: ignore[arg-type]


def _name_servers() -> list[str]:
    try:
        lines = Path("/etc/resolv.conf").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    fields = [line.split() for line in lines]
    named = [each[1] for each in fields if len(each) > 1 and each[0] == "nameserver"]
    # What the resolver asks where the file names none.
    return [each.partition("%")[0] for each in dict.fromkeys(named)] or ["127.0.0.1"]


def _become(command: list[str]) -> None:
    # Python ignores it; commands are used to it, as they get it from any shell.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted between
    except FileNotFoundError as error:
        sys.stderr.write(f"aex: {command[0]}: {error.strerror}\n")
        sys.exit(127)
    except OSError as error:
        sys.stderr.write(f"aex: {command[0]}: {error.strerror}\n")
        sys.exit(126)


if __name__ == "__main__":
    main(sys.argv[1:])

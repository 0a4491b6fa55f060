"""TLS clients of other makes, who say whether they accept a server: Node, Java, GnuTLS, NSS.

Owns: how each is started, and what it says. Refuses to know: which servers they should refuse.
"""

from __future__ import annotations

import ipaddress
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

# Each case is a port on loopback and the name that the client asks for there.
Case = tuple[int, str]

_NODE = """
const tls = require('tls'), fs = require('fs'), net = require('net');
const [root, cases] = [fs.readFileSync(process.argv[1]), JSON.parse(process.argv[2])];
const ask = ([port, name]) => new Promise((done) => {
  const servername = net.isIP(name) ? '' : name;
  const checkServerIdentity = (_, shown) => tls.checkServerIdentity(name, shown);
  const to = { host: '127.0.0.1', port, servername, checkServerIdentity, ca: root };
  const socket = tls.connect(to, () => { socket.destroy(); done(''); });
  socket.on('error', (error) => done(error.code + ' ' + error.message));
});
Promise.all(cases.map(ask)).then((said) => console.log(JSON.stringify(said)));
"""

_JAVA = """
import java.io.*; import java.net.*; import java.nio.file.*; import java.security.*;
import java.security.cert.*; import javax.net.ssl.*;
public class Judge {
  public static void main(String[] words) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    int count = 0;
    try (InputStream in = Files.newInputStream(Path.of(words[0]))) {
      for (var root : CertificateFactory.getInstance("X.509").generateCertificates(in))
        store.setCertificateEntry("root" + count++, root);
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    for (int i = 1; i < words.length; i += 2) {
      int port = Integer.parseInt(words[i]);
      try (Socket plain = new Socket("127.0.0.1", port);
           SSLSocket socket = (SSLSocket) context.getSocketFactory()
               .createSocket(plain, words[i + 1], port, true)) {
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        System.out.println();
      } catch (IOException error) {
        Throwable cause = error;
        while (cause.getCause() != null) cause = cause.getCause();
        System.out.println(cause.toString().replace((char) 10, ' '));
      }
    }
  }
}
"""


@contextmanager
def serving(files: Sequence[Path]) -> Iterator[list[int]]:
    """A TLS server on loopback for each PEM file (leaf, key, issuers); yields their ports."""
    over = threading.Event()
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in files]
        threads = [
            threading.Thread(target=_serve, args=(listener, file, over))
            for listener, file in zip(listeners, files, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            yield [listener.getsockname()[1] for listener in listeners]
        finally:
            over.set()
            for listener, thread in zip(listeners, threads, strict=True):
                socket.create_connection(listener.getsockname()).close()  # out of its accept
                thread.join(10)


def _serve(listener: socket.socket, file: Path, over: threading.Event) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    while not over.is_set():
        accepted, _ = listener.accept()
        accepted.settimeout(10)
        try:
            with context.wrap_socket(accepted, server_side=True) as spoken:
                spoken.recv(1)
        except OSError:
            accepted.close()  # refused by the client, which is what the test asks it about


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


def node(roots: Path, cases: Sequence[Case], folder: Path) -> list[str]:
    """Node's own tls, which is built on OpenSSL."""
    done = _run("node", "-e", _NODE, str(roots), json.dumps(list(cases)))
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def java(roots: Path, cases: Sequence[Case], folder: Path) -> list[str]:
    """JSSE with its default trust manager."""
    source = folder / "Judge.java"
    source.write_text(_JAVA)
    words = [word for port, name in cases for word in (str(port), name)]
    done = _run("java", "-XX:TieredStopAtLevel=1", str(source), str(roots), *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def gnutls(roots: Path, cases: Sequence[Case], folder: Path) -> list[str]:
    """What wget, git and apt are built with on many systems."""
    return [_gnutls(roots, port, name) for port, name in cases]


def _gnutls(roots: Path, port: int, name: str) -> str:
    sni = ["--disable-sni"] if _is_address(name) else ["--sni-hostname", name]
    to = ["--port", str(port), "--verify-hostname", name, "127.0.0.1"]
    done = _run("gnutls-cli", "--x509cafile", str(roots), *sni, *to)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def nss(roots: Path, cases: Sequence[Case], folder: Path) -> list[str]:
    """The library of Firefox, by its own test client."""
    database = f"sql:{folder}"
    assert _run("certutil", "-N", "-d", database, "--empty-password").returncode == 0
    for number, pem in enumerate(roots.read_text().split("-----END CERTIFICATE-----\n")[:-1]):
        one = folder / f"root{number}.pem"
        one.write_text(pem + "-----END CERTIFICATE-----\n")
        add = ("-t", "C,,", "-n", one.stem, "-i", str(one))
        assert _run("certutil", "-A", "-d", database, *add).returncode == 0
    return [_nss(database, port, name) for port, name in cases]


def _nss(database: str, port: int, name: str) -> str:
    done = _run(
        "tstclnt", "-h", "127.0.0.1", "-p", str(port), "-a", name, "-d", database, "-Q", "-v"
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _has_compiler() -> bool:
    java = shutil.which("java")
    return bool(java) and (Path(java).resolve().parent / "javac").exists()


@dataclass(frozen=True)
class Judge:
    """A make of TLS client: it says "" of a server that it accepts, else why it does not."""

    ask: Callable[[Path, Sequence[Case], Path], list[str]]
    there: Callable[[], bool]
    needs: str


JUDGES: Mapping[str, Judge] = {
    "Node": Judge(node, lambda: bool(shutil.which("node")), "nodejs"),
    "Java": Judge(java, _has_compiler, "a JDK, 11 or newer"),
    "GnuTLS": Judge(gnutls, lambda: bool(shutil.which("gnutls-cli")), "gnutls-bin"),
    "NSS": Judge(nss, lambda: bool(shutil.which("tstclnt")), "libnss3-tools"),
}

"""A line to PostgreSQL that breaks when it is told to: after the server has committed, before the client hears of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import connection


class Proxy:
    """Passes bytes both ways. `cut_after(mark)`: of the next transaction that says `mark`, the answer to COMMIT never arrives."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cuts = 0
        self._mark = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, mark: str) -> None:
        """Arm it, for one transaction."""
        self._mark = mark.encode()

    def close(self) -> None:
        """No more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(self._server)
        heard = threading.Event()  # from here on the server's words are kept from the client
        threading.Thread(target=self._answers, args=(server, client, heard), daemon=True).start()
        said = False
        try:
            while data := client.recv(65536):
                said = said or bool(self._mark and self._mark in data)
                if said and b"COMMIT" in data:
                    self._mark, self.cuts = b"", self.cuts + 1
                    heard.set()
                server.sendall(data)
        except OSError:
            pass
        finally:
            _hang_up(server)

    def _answers(self, server: socket.socket, client: socket.socket, heard: threading.Event) -> None:
        try:
            while data := server.recv(65536):
                if heard.is_set():
                    break  # the server has answered: what it was asked is done
                client.sendall(data)
        except OSError:
            pass
        finally:
            _hang_up(client)


def _hang_up(line: socket.socket) -> None:
    """For both ends at once: closing alone would wait for the thread that still listens."""
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()


@contextmanager
def through_a_proxy() -> Iterator[Proxy]:
    """Inside the block this thread's database connection goes through a Proxy."""
    kept = connection.settings_dict
    proxy = Proxy(kept["HOST"] or "127.0.0.1", int(kept["PORT"] or 5432))
    connection.close()
    options = {**kept["OPTIONS"], "sslmode": "disable", "gssencmode": "disable"}
    connection.settings_dict = {**kept, "HOST": "127.0.0.1", "PORT": str(proxy.port), "OPTIONS": options}
    try:
        yield proxy
    finally:
        connection.close()
        connection.settings_dict = kept
        proxy.close()

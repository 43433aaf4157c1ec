"""A small reference server of the reporting interface: it remembers what it was sent, refuses what it is told to, and can fail on order."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Reference:
    """One running server: `rows` by 学号 (cells of the last one), `requests` made, `refuse` {学号: message}, `fail` statuses to answer first."""

    def __init__(self, token: str = "") -> None:
        self.token, self.rows, self.requests = token, {}, 0
        self.refuse: dict[str, str] = {}
        self.fail: list[int] = []
        self.drop_after_taking = 0  # take the rows, then cut the line without an answer
        self.seen: dict[str, bytes] = {}
        self.bodies: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/api"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """One request."""
        self.requests += 1
        body = handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
        if self.token and handler.headers.get("Authorization") != f"Bearer {self.token}":
            return self._say(handler, 401, b"{}")
        if self.fail:
            return self._say(handler, self.fail.pop(0), b"busy")
        key = handler.headers["Idempotency-Key"]
        if key not in self.seen:
            found = json.loads(body)
            self.bodies.append(found)
            results = []
            for row in found["rows"]:
                message = self.refuse.get(row["key"], "")
                if not message:
                    self.rows[row["key"]] = dict(zip(found["columns"], row["values"], strict=True))
                results.append({"key": row["key"], "accepted": not message, "message": message})
            self.seen[key] = json.dumps({"results": results}).encode()
        if self.drop_after_taking:
            self.drop_after_taking -= 1
            handler.connection.close()
            return None
        return self._say(handler, 200, self.seen[key])

    def _say(self, handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

#!/usr/bin/env python3
"""A counter that follows its role and keeps its count in segue's state. Standard library only; see docs/services.md.

    POST /increment?id=REQUEST_ID   counts once per id, however often it is asked; answers the same each time
    GET  /count
"""

import http.client
import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

GROUP = os.environ["SEGUE_GROUP"]
ADDRESS = os.environ["SEGUE_ADDRESSES"].split()[0]
PORT = int(os.environ.get("COUNTER_PORT", "8080"))
STATE = f"/v1/groups/{GROUP}/state/counter"
# Answers that are kept for clients that ask again.
REMEMBERED = 1000


class Segue(http.client.HTTPConnection):
    """HTTP over the daemon's Unix socket."""

    def __init__(self):
        super().__init__("segue")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(os.environ["SEGUE_SOCKET"])


def ask(method, path, body=None, headers=None):
    connection = Segue()
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


class NotPrimary(Exception):
    """The client should ask again: by then the address may be where it is served."""


class Counter:
    """Count and answers, with the version under which segue keeps them. One thread at a time."""

    def __init__(self):
        self.lock = threading.Lock()
        self.leave()

    def leave(self):
        self.serving, self.count, self.answers, self.version = False, 0, {}, None

    def load(self):
        status, headers, body = ask("GET", STATE)
        if status not in (200, 404):
            raise NotPrimary(body.decode())
        self.leave()
        if status == 200:
            state = json.loads(body)
            self.count, self.answers, self.version = state["count"], state["answers"], headers["ETag"]
        self.serving = True

    def increment(self, request_id):
        if not self.serving:
            raise NotPrimary("this node is not primary")
        if request_id in self.answers:
            return self.answers[request_id]
        count = self.count + 1
        answers = dict(list(self.answers.items())[1 - REMEMBERED:]) | {request_id: count}
        self.save(count, answers)
        # Only now: what was not kept on both nodes was not counted.
        self.count, self.answers = count, answers
        return count

    def save(self, count, answers):
        only_if = {"If-None-Match": "*"} if self.version is None else {"If-Match": self.version}
        body = json.dumps({"count": count, "answers": answers})
        try:
            status, _, answer = ask("PUT", STATE + "?ack=replicated", body, only_if)
        except OSError as error:
            # It may have been kept or not: the state knows.
            self.serving = False
            raise NotPrimary(str(error)) from error
        if status >= 300:
            self.serving = False
            raise NotPrimary(answer.decode())
        self.version = f'"{json.loads(answer)["version"]}"'


counter = Counter()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one segment: the second one would wait for the first one's acknowledgement.
    wbufsize = -1

    def do_GET(self):
        with counter.lock:
            known = counter.serving and self.path == "/count"
            self.answer(200 if known else 404, {"count": counter.count} if known else {})

    def do_POST(self):
        url = urlsplit(self.path)
        request_id = parse_qs(url.query).get("id", [""])[0]
        if url.path != "/increment" or not 0 < len(request_id) <= 64:
            return self.answer(400, {"error": "POST /increment?id=REQUEST_ID"})
        with counter.lock:
            try:
                if not counter.serving and role["role"] == "primary":
                    counter.load()
                count = counter.increment(request_id)
            except (NotPrimary, OSError) as error:
                return self.answer(503, {"error": f"ask again: {error}"})
        self.answer(200, {"count": count})

    def answer(self, status, value):
        body = (json.dumps(value) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in ADDRESS else socket.AF_INET
    daemon_threads = True
    request_queue_size = 128


role = {"role": "standby"}


def events():
    """Each event of our role, until the daemon ends."""
    connection = Segue()
    path = f"/v1/groups/{GROUP}/role?name=counter&timeout=2s"
    connection.request("GET", path, headers={"Accept": "text/event-stream"})
    kind = ""
    for line in connection.getresponse():
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


def follow():
    me = None
    for kind, event in events():
        ok, reason = True, ""
        with counter.lock:
            if kind == "hello":
                me = event["follower"]
            try:
                if event["role"] == "standby":
                    counter.leave()
                elif not counter.serving:
                    counter.load()
            except (NotPrimary, OSError) as error:
                ok, reason = False, str(error)[:200]
            role["role"] = event["role"]
        if event["order"]:
            answer = {"follower": me, "order": event["order"], "ok": ok, "reason": reason}
            ask("POST", f"/v1/groups/{GROUP}/role/ack", json.dumps(answer))


if __name__ == "__main__":
    server = Server((ADDRESS, PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # When the daemon ends, so do we; it starts us again.
    follow()

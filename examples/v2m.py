#!/usr/bin/env python3
"""A client of v2m in Python. It needs only the standard library.

As a program:

    v2m.py status                # the state, the model, and what is wrong, if anything
    v2m.py toggle                # start a recording, or stop it and print the text
    v2m.py start | stop | cancel | last
    v2m.py watch                 # print events until interrupted

As a module:

    from v2m import Client
    with Client() as v2m:
        print(v2m.request("GET_STATUS")["state"])

docs/protocol.md describes the protocol. Exit status: 0 done, 1 v2m answered an error, 3 cannot connect.
"""

import json
import os
import socket
import struct
import sys
import time

# More than v2m ever sends, in bytes (docs/protocol.md, "Limits").
MAX_ANSWER = 1 << 24


class V2mError(Exception):
    """An error answer from v2m. `code` is for programs, the message for people. `data` may contain the text."""

    def __init__(self, answer):
        super().__init__(answer.get("error") or "v2m answered an error without a reason")
        self.code = answer.get("code")
        self.data = answer.get("data") or {}


class Lost(Exception):
    """The connection ended after the service had read the request; it may have acted on it."""


def socket_path():
    """The path of v2m's socket, as docs/protocol.md defines it."""
    path = os.environ.get("V2M_SOCKET_PATH")
    if path:
        return path
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = os.path.join(runtime, "v2m") if runtime else f"/tmp/v2m_{os.getuid()}"
    return os.path.join(folder, "v2m.sock")


def connect(path):
    """Connects to the user's own service. Connecting starts the service, so nothing checks for the file first."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(path)
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _pid, uid, _gid = struct.unpack("3i", peer)
        if uid != os.getuid():
            raise PermissionError(f"another user (uid {uid}) listens at {path}")
    except OSError:
        connection.close()
        raise
    return connection


class Client:
    """A connection for any number of requests. There is no timeout, because a stop returns after the transcription."""

    def __init__(self, path=None):
        self.path = path or socket_path()
        self.connection = connect(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    def request(self, command, **data):
        """Sends a request and returns the answer's data. Raises V2mError for an error, Lost if no answer came."""
        frame = json.dumps({"cmd": command, "data": data or None}).encode()
        frame = struct.pack(">I", len(frame)) + frame
        for attempt in (1, 2, 3):
            try:
                self.connection.sendall(frame)
                answer = self.receive()
                break
            except (ConnectionResetError, BrokenPipeError):
                # The service stopped before it read the request. systemd starts it again for the next connection.
                if attempt == 3:
                    raise
                self.close()
                time.sleep(0.02 * attempt)
                self.connection = connect(self.path)
        if answer is None:
            raise Lost(f"v2m took the request {command} and sent no answer")
        if answer["status"] != "success":
            raise V2mError(answer)
        return answer["data"]

    def events(self, *names):
        """Subscribes to the named kinds of events, or to all kinds. Returns an iterator that ends when the service
        stops. Use another connection for requests."""
        self.request("SUBSCRIBE", **({"events": list(names)} if names else {}))
        return self.stream()

    def stream(self):
        while (frame := self.receive()) is not None:
            yield frame["data"]

    def receive(self):
        """Returns the next frame, or None at the end of the connection."""
        header = self.read(4)
        if header is None:
            return None
        (length,) = struct.unpack(">I", header)
        if length >= MAX_ANSWER:
            raise ValueError(f"a frame of {length} bytes: this is not v2m")
        frame = self.read(length)
        if frame is None:
            raise Lost("the connection ended in the middle of an answer")
        return json.loads(frame)

    def read(self, length):
        """Reads exactly `length` bytes. Returns None if the connection ends before that."""
        chunks = bytearray()
        while len(chunks) < length:
            chunk = self.connection.recv(length - len(chunks))
            if not chunk:
                return None
            chunks += chunk
        return bytes(chunks)


COMMANDS = {
    "toggle": "TOGGLE_RECORDING",
    "start": "START_RECORDING",
    "stop": "STOP_RECORDING",
    "cancel": "CANCEL_RECORDING",
    "last": "LAST_TEXT",
}


def main(arguments):
    if len(arguments) != 1 or arguments[0] not in {"status", "watch", *COMMANDS}:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with Client() as client:
            run(client, arguments[0])
    except V2mError as error:
        print(f"{error} ({error.code})", file=sys.stderr)
        if error.data.get("text"):  # never lose the user's words
            print(error.data["text"])
        return 1
    except (OSError, Lost) as error:
        print(f"v2m at {socket_path()}: {error}", file=sys.stderr)
        return 3
    return 0


def run(client, command):
    if command == "watch":
        for event in client.events():
            print(json.dumps(event, ensure_ascii=False), flush=True)
    elif command == "status":
        status = client.request("GET_STATUS")
        engine = status["engine"]
        print(f"{status['state']}, {engine['model']} is {engine['state']}, {status['pending']} pending")
        if status["problem"]:
            print(status["problem"]["error"])
    else:
        answer = client.request(COMMANDS[command])
        print(answer.get("text") or answer.get("message") or answer["state"])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

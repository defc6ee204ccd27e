# A client with no manners: exact bytes out, exact bytes in.
#
# Used by `test_wire`. It reads answers by the rules of RFC 9112 and believes nothing: an answer
# with two ways to tell its length, or with bytes behind it nobody asked for, is an error here.

import re
import socket
from dataclasses import dataclass


@dataclass
class Reply:
    """One answer as it came over the wire."""

    status: int
    fields: list
    body: bytes

    def __getitem__(self, name):
        values = [value for field, value in self.fields if field == name.lower()]
        assert len(values) <= 1, f"{name} more than once"
        return values[0] if values else None


class Wire:
    """One connection."""

    def __init__(self, address, timeout=15):
        self.socket = socket.create_connection(address, timeout=timeout)
        self.bytes = b""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def offer(self, data):
        """Sends to somebody who may have stopped listening."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def more(self):
        """Reads what there is; whether anything came."""
        try:
            data = self.socket.recv(65_536)
        except ConnectionResetError:
            data = b""
        self.bytes += data
        return bool(data)

    def until(self, mark):
        while mark not in self.bytes:
            if not self.more():
                return None
        data, self.bytes = self.bytes.split(mark, 1)
        return data

    def exactly(self, count):
        while len(self.bytes) < count:
            assert self.more(), "the answer ended early"
        data, self.bytes = self.bytes[:count], self.bytes[count:]
        return data

    def reply(self, head=False):
        """The next answer; None where the connection ends instead."""
        text = self.until(b"\r\n\r\n")
        if text is None:
            assert self.bytes == b"", self.bytes
            return None
        first, *lines = text.decode("ascii").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d{3}) [\x20-\x7e]*", first)
        assert match, first
        fields = []
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon and re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name), line
            fields.append((name.lower(), value.strip(" ")))
        reply = Reply(int(match.group(1)), fields, b"")
        length, coding = reply["Content-Length"], reply["Transfer-Encoding"]
        assert length is None or coding is None, "two ways to tell the length"
        if reply.status < 200 or reply.status in (204, 304):
            assert length is None and coding is None, (reply.status, fields)
        elif not head:
            if coding is not None:
                assert coding == "chunked"
                reply.body = self.chunks()
            else:
                assert length is not None and length.isdigit()
                reply.body = self.exactly(int(length))
        return reply

    def chunks(self):
        body = b""
        while True:
            size = int(self.until(b"\r\n"), 16)
            data = self.exactly(size)
            assert self.exactly(2) == b"\r\n"
            if not size:
                return body
            body += data

    def replies(self, heads=()):
        """All answers until the connection ends; `heads` are the places of answers to HEAD."""
        found = []
        while (reply := self.reply(head=len(found) in heads)) is not None:
            found.append(reply)
        return found

# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the control protocol, put in front of the test cases of console.test."""
import socket
import sys


class Client:
    def __init__(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(sys.argv[1])
        self.data = b""
        self.last = None
        self.greeting = self.reply()

    def small_buffer(self):
        """Takes little before it is full, so that not reading shows soon."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)

    def send(self, text):
        self.sock.sendall(text.encode())

    def until(self, end):
        """What comes up to `end`, which is taken; None at the end of the connection."""
        while end not in self.data:
            more = self.sock.recv(65536)
            if not more:
                return None
            self.data += more
        found, self.data = self.data.split(end, 1)
        return found.decode()

    def reply(self):
        """(TEXT, CODE, PROMPT) of the next reply."""
        text = self.until(b"\0")
        if text is None:
            return None
        code, prompt = self.until(b"\n").split(" ", 1)
        self.last = (text, int(code), prompt)
        return self.last

    def ask(self, line):
        self.send(line + "\n")
        return self.reply()

    def lines_until(self, enough):
        """The lines of a stream up to the one that is `enough`. End markers in front of them are passed over."""
        lines = []
        while not lines or not enough(lines[-1]):
            line = self.until(b"\n")
            assert line is not None, lines
            if "\0" not in line:
                lines.append(line)
        return lines


c = Client()

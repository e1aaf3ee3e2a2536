#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives vtysh-lite on a pseudo-terminal, as a user would. Called by run.sh; prints TAP lines without a plan.

usage: pty_test.py VTYSH TOY SOCKET FIRST_NUMBER
"""
import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

VTYSH, TOY, SOCKET = sys.argv[1:4]
number = int(sys.argv[4])
failures = 0


def report(name, good, detail=""):
    global number, failures
    number += 1
    print(("ok" if good else "not ok"), number, "-", name)
    if not good:
        failures += 1
        print("# " + repr(detail))
    sys.stdout.flush()


class Toy:
    def __init__(self):
        self.start()

    def start(self):
        self.proc = subprocess.Popen([TOY, SOCKET])
        deadline = time.time() + 5
        while time.time() < deadline:
            probe = subprocess.run([VTYSH, "-s", SOCKET, "-c", "show version"], capture_output=True, check=False)
            if probe.returncode == 0:
                return
            time.sleep(0.05)

    def stop(self):
        self.proc.kill()
        self.proc.wait()


class Shell:
    def __init__(self, env=None, options=()):
        environ = dict(os.environ, TERM="xterm", VTYSH_PAGER="", INPUTRC="/dev/null")
        environ.update(env or {})
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(VTYSH, [VTYSH, "-s", SOCKET, *options], environ)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = ""
        self.status = None

    def send(self, text):
        os.write(self.fd, text.encode())

    def read(self, seconds):
        """Adds what comes within `seconds` to self.seen; False at the end."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            return False
        text = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>])", "", data.decode(errors="replace"))
        self.seen += text
        return True

    def expect(self, pattern, seconds=10):
        """Waits until `pattern` is seen; returns what came up to its end, or None."""
        deadline = time.time() + seconds
        while True:
            match = re.search(pattern, self.seen, re.S)
            if match:
                out = self.seen[:match.end()]
                self.seen = self.seen[match.end():]
                return out
            if time.time() > deadline or not self.read(0.1):
                match = re.search(pattern, self.seen, re.S)
                return self.seen[:match.end()] if match else None

    def check(self, name, pattern, seconds=10):
        got = self.expect(pattern, seconds)
        report(name, got is not None, self.seen)
        return got or ""

    def wait(self, seconds=10):
        deadline = time.time() + seconds
        while time.time() < deadline:
            self.read(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                os.close(self.fd)
                return self.status
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)
        return None


def editing(toy):
    sh = Shell()
    sh.check("prompt from the daemon", r"toy# $")
    sh.send("show version\r")
    sh.check("a command", r"\ntoy 1\r\ntoy# $")
    sh.send("conf\t")
    sh.check("TAB completes", r"configure $")
    sh.send("terminal\r")
    sh.check("the prompt follows the mode", r"toy\(config\)# $")
    sh.send("interface x\r")
    sh.check("the prompt follows the mode again", r"toy\(config-if\)# $")
    sh.send("sh\t")
    sh.check("TAB lists", r"show +shutdown")
    sh.send("ow \t")
    sh.check("TAB lists the next word", r"rows +version")
    sh.send("v\t\r")
    sh.check("TAB completes the next word", r"show version +\r\n.*Unknown|toy 1\r\n")
    sh.expect(r"# $", 1)
    sh.send("show version")
    sh.expect(r"show version$")
    sh.send("\x1b[D" * 7 + "?")
    got = sh.check("? in the middle of a line", r"\?\r\n  rows     Many rows\r\n  version  The version\r\n.*show version")
    report("? keeps the line, and is not part of it", "show version?" not in got.split("\r\n")[-1], got)
    sh.send("\r")
    sh.check("the line kept by ? runs", r"\ntoy 1\r\n.*# $")
    sh.send("bad line\x03")
    sh.check("Ctrl-C abandons the line", r"\^C\r\n.*# $")
    sh.send("nonsense\r")
    sh.check("errors with their caret", r"nonsense\r\n  \^\r\n% Unknown command\r\n.*# $")
    sh.send("\x1a")
    sh.check("Ctrl-Z is end", r"end\r\ntoy# $")
    sh.send("configure terminal\r")
    sh.expect(r"\(config\)# $")
    sh.send("\x04")
    sh.check("Ctrl-D leaves a mode", r"exit\r\ntoy# $")
    sh.send("monitor\r")
    sh.check("monitor", r"event 5\r\n")
    sh.send("\x03")
    sh.check("Ctrl-C stops monitor", r"\^C\r\n.*toy# $")
    sh.send("show version\r")
    sh.check("requests and replies stay in step", r"\ntoy 1\r\ntoy# $")
    sh.send("slow 600\r")
    time.sleep(0.2)
    sh.send("\x03show version\r")
    sh.check("Ctrl-C in a slow reply, and typing ahead", r"\^C\r\n.*toy# show version\r\ntoy 1\r\ntoy# $")
    sh.send("watch 1 show ?")
    sh.check("? behind watch", r"\?\r\n  rows     Many rows\r\n  version  The version\r\n")
    sh.send("ver\t\r")
    sh.check("watch, and TAB completes what is watched", r"Every 1 s: show version *\r\n\r\ntoy 1\r\n.*toy 1\r\n")
    sh.send("\x03")
    sh.check("Ctrl-C ends watch", r"toy# $")
    sh.send("show\x16\nversion\r")
    sh.check("a line end in a line parts words", r"\ntoy 1\r\ntoy# $")
    sh.send("show\x16\nver\t")
    sh.check("also for TAB", r"version $")
    sh.send("\x03")
    sh.expect(r"\^C\r\ntoy# $")
    sh.send("show plain\r")
    sh.check("and requests and replies stay in step after it", r"show plain\r\nplain\r\ntoy# $")
    sh.send("log\r")
    sh.check("a log line at the prompt", r"a log line\r\n.*toy# $")
    sh.send("show ver")
    sh.expect(r"show ver$")
    toy.stop()
    sh.check("a restart is noticed at the prompt", r"% Connection lost, reconnecting\.\.\.\r\n")
    toy.start()
    sh.check("it reconnects and keeps the line", r"toy# show ver$")
    sh.send("sion\r")
    sh.check("and goes on", r"\ntoy 1\r\ntoy# $")
    sh.send("die\r")
    sh.check("a crash during a command", r"% Connection lost, reconnecting")
    toy.start()
    sh.check("it reconnects again", r"toy# $")
    sh.send("exit\r")
    report("exit leaves the shell with 0", sh.wait() == 0, sh.seen)

    sh = Shell()
    sh.expect(r"toy# $")
    sh.send("\x1b[A\x1b[A")
    sh.check("history of the last shell", r"die$")
    sh.send("\x03")
    sh.expect(r"toy# $")
    sh.send("\x04")
    report("Ctrl-D leaves the shell with 0", sh.wait() == 0, sh.seen)

    sh = Shell()
    sh.expect(r"toy# $")
    sh.send("configure terminal\rinterface a\rshow version\rend\rshow plain\r")
    sh.check("pasted lines run one by one", r"config\)# interface a\r\n.*toy 1\r\n.*end\r\ntoy# show plain\r\nplain\r\ntoy# $")
    toy.stop()
    sh.expect(r"reconnecting")
    sh.send("\x03")
    report("Ctrl-C leaves while reconnecting, with 3", sh.wait() == 3, sh.seen)
    toy.start()


def displaced():
    """All sessions are taken: the shell, idle for longest, gives way, and comes back when its user does."""
    sh = Shell()
    sh.expect(r"toy# $")
    others = []
    for _ in range(63):
        others.append(socket.socket(socket.AF_UNIX))
        others[-1].connect(SOCKET)
        others[-1].recv(100)
    sh.send("show ver")
    sh.expect(r"show ver$")
    time.sleep(0.6)
    others.append(socket.socket(socket.AF_UNIX))
    others[-1].connect(SOCKET)
    report("a 65th client gets in", b"protocol 1" in others[-1].recv(100))
    sh.check("the idle shell is told", r"% Idle for \d+ s, and another needs the session: it ends\r\n.*toy# show ver$")
    report("and does not come back by itself", not sh.expect(r"reconnecting", 1), sh.seen)
    others.pop().close()
    sh.send("\r")
    sh.check("but when its user does", r"reconnecting\.\.\.\r\n.*toy# $")
    sh.send("show version\r")
    sh.check("and goes on", r"\ntoy 1\r\n.*toy# $")
    for other in others:
        other.close()
    sh.send("exit\r")
    sh.wait()


def paging():
    sh = Shell({"VTYSH_PAGER": "sed 's/^/page:/'"})
    sh.expect(r"toy# $")
    sh.send("show version\r")
    sh.check("short output without the pager", r"\r\ntoy 1\r\ntoy# $")
    sh.send("show rows 100000\r")
    sh.check("long output in the pager", r"page:row 000000\r\n.*page:row 099999\r\ntoy# $", 30)
    sh.send("terminal length 0\r")
    sh.expect(r"toy# $")
    sh.send("show rows 100\r")
    sh.check("terminal length 0", r"\r\nrow 000000\r\n.*row 000099\r\ntoy# $")
    sh.send("terminal length 5\r")
    sh.expect(r"toy# $")
    sh.send("show rows 5\r")
    sh.check("terminal length 5: five rows", r"\r\nrow 000000\r\n.*row 000004\r\ntoy# $")
    sh.send("show rows 6\r")
    sh.check("terminal length 5: six rows", r"page:row 000005\r\ntoy# $")
    sh.send("exit\r")
    sh.wait()

    sh = Shell({"VTYSH_PAGER": "head -n 3"})
    sh.expect(r"toy# $")
    sh.send("show rows 1000000\r")
    sh.check("leaving the pager early", r"row 000002\r\ntoy# $", 30)
    sh.send("show version\r")
    sh.check("goes on in step after that", r"\r\ntoy 1\r\ntoy# $")
    os.kill(sh.pid, signal.SIGTERM)
    report("SIGTERM ends the shell", sh.wait() == 0, sh.seen)


def json():
    sh = Shell(options=("-j",))
    sh.expect(r"toy# $")
    sh.send("show version\r")
    sh.check("-j", r'\r\n{ "version": "toy 1" }\r\ntoy# $')
    sh.send("show version | include toy\r")
    sh.check("-j in front of a filter", r'\r\n{ "version": "toy 1" }\r\ntoy# $')
    sh.send("show plain\r")
    sh.check("-j where there is no JSON", r"show plain\r\nplain\r\ntoy# $")
    sh.send("show nonsense\r")
    sh.check("an error shows the line that was typed", r"\r\nshow nonsense\r\n  \^\r\n% Unknown command\r\ntoy# $")
    sh.send("watch 1 show version\r")
    sh.check("-j behind watch", r'{ "version": "toy 1" }\r\n.*{ "version": "toy 1" }\r\n')
    sh.send("\x03")
    sh.expect(r"toy# $")
    sh.send("exit\r")
    sh.wait()


daemon = Toy()
try:
    editing(daemon)
    displaced()
    paging()
    json()
finally:
    daemon.stop()
sys.exit(1 if failures else 0)

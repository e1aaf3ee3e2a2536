# SPDX-License-Identifier: GPL-2.0-or-later
"""The laboratory of lab.sh as seen by a Python test that runs in rtr: hosts, the kernel's state, the daemon."""
import ctypes
import ipaddress
import json
import os
import signal
import socket
import struct
import subprocess
import time

MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP = 42, 46
VIFS = ("wan", "lan1", "lan2")

libc = ctypes.CDLL(None, use_errno=True)


class At:
    """With the sockets of another namespace."""

    def __init__(self, ns):
        self.ns = ns

    def __enter__(self):
        self.back = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.to = os.open("/run/netns/" + self.ns, os.O_RDONLY)
        assert libc.setns(self.to, 0) == 0

    def __exit__(self, *_):
        assert libc.setns(self.back, 0) == 0
        os.close(self.back)
        os.close(self.to)


def storage(addr):
    if addr.version == 4:
        raw = struct.pack("=HH4s", socket.AF_INET, 0, addr.packed)
    else:
        raw = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, addr.packed, 0)
    return raw.ljust(128, b"\0")


def family(addr):
    return (socket.AF_INET, socket.IPPROTO_IP) if addr.version == 4 else (socket.AF_INET6, socket.IPPROTO_IPV6)


def member(ns, group, source=None):
    group = ipaddress.ip_address(group)
    af, level = family(group)
    with At(ns):
        s = socket.socket(af, socket.SOCK_DGRAM)
        index = struct.pack("@I0L", socket.if_nametoindex("eth0"))
        if source:
            s.setsockopt(level, MCAST_JOIN_SOURCE_GROUP,
                         index + storage(group) + storage(ipaddress.ip_address(source)))
        else:
            s.setsockopt(level, MCAST_JOIN_GROUP, index + storage(group))
    return s


def sender(group):
    group = ipaddress.ip_address(group)
    af, level = family(group)
    with At("src"):
        s = socket.socket(af, socket.SOCK_DGRAM)
        if af == socket.AF_INET:
            s.setsockopt(level, socket.IP_MULTICAST_TTL, 16)
            s.setsockopt(level, socket.IP_MULTICAST_IF, socket.inet_aton("10.0.0.1"))
        else:
            s.setsockopt(level, socket.IPV6_MULTICAST_HOPS, 16)
            s.setsockopt(level, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("eth0"))
    s.setblocking(False)
    return s


def feed(senders):
    for group, s in senders.items():
        try:
            s.sendto(b"data", (group, 5001))
        except OSError:
            pass


# --- the kernel's state in rtr


def joined():
    """{(device, group)}"""
    found, dev = set(), None
    with open("/proc/net/igmp", encoding="ascii") as f:
        for line in list(f)[1:]:
            word = line.split()
            if not line.startswith("\t"):
                dev = word[1].rstrip(":")
            else:
                found.add((dev, str(ipaddress.ip_address(struct.pack("=I", int(word[0], 16))))))
    with open("/proc/net/igmp6", encoding="ascii") as f:
        for line in f:
            word = line.split()
            found.add((word[1], str(ipaddress.ip_address(bytes.fromhex(word[2])))))
    return found


def vifs():
    names = []
    for path in "/proc/net/ip_mr_vif", "/proc/net/ip6_mr_vif":
        with open(path, encoding="ascii") as f:
            names.append({line.split()[1]: int(line.split()[0]) for line in list(f)[1:]})
    return names


def routes():
    """{group: outputs} of the entries that are resolved."""
    found = {}
    numbers = [{n: name for name, n in v.items()} for v in vifs()]
    for path, which in (("/proc/net/ip_mr_cache", 0), ("/proc/net/ip6_mr_cache", 1)):
        with open(path, encoding="ascii") as f:
            for line in list(f)[1:]:
                word = line.split()
                if which == 0:
                    group = ipaddress.ip_address(struct.pack("=I", int(word[0], 16)))
                else:
                    group = ipaddress.ip_address(word[0])
                if int(word[2]) not in numbers[which]:
                    continue
                found[str(group)] = sorted(numbers[which].get(int(o.split(":")[0]), "?") for o in word[6:])
    return found


# --- the daemon


class Console:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.s.settimeout(3)
        self.s.connect(path)
        self.buf = b""
        self.reply()

    def reply(self):
        while b"\0" not in self.buf or b"\n" not in self.buf.split(b"\0", 1)[1]:
            more = self.s.recv(65536)
            if not more:
                raise OSError("closed")
            self.buf += more
        text, rest = self.buf.split(b"\0", 1)
        code, self.buf = rest.split(b"\n", 1)
        return text.decode(), int(code.split()[0])

    def run(self, line):
        self.s.sendall(line.encode() + b"\n")
        return self.reply()


def children(parent):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid, encoding="ascii", errors="replace") as f:
                if int(f.read().rsplit(")", 1)[1].split()[1]) == parent:
                    found.append(int(pid))
        except OSError:
            pass  # it has ended
    return found


class Daemon:
    def __init__(self, path, folder, **environment):
        self.argv = [path, "-f", folder + "/improxyd.conf", "-s", folder + "/improxyd.sock", "-p",
                     folder + "/improxyd.pid", "-l", "informational"]
        self.env = dict(os.environ, **environment)
        self.socket = folder + "/improxyd.sock"
        self.log = folder + "/stderr"
        self.p, self.worker = None, 0

    def start(self):
        self.mark = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        with open(self.log, "ab") as log:
            self.p = subprocess.Popen(self.argv, env=self.env, stderr=log, stdin=subprocess.DEVNULL)

    def said(self):
        with open(self.log, "rb") as f:
            f.seek(self.mark)
            return f.read().decode(errors="replace").splitlines()

    def wait_ready(self, seconds=10):
        """True: it answers. False: it has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.p.poll() is not None:
                return False
            try:
                text, code = Console(self.socket).run("show version json")
                if code == 0:
                    self.worker = json.loads(text)["improxyd"]["pid"]
                    return True
            except (OSError, ValueError):
                pass
            time.sleep(0.02)
        raise AssertionError("it neither answers nor ends")

    def alive(self):
        """The keeper, and the worker that was there when it was ready."""
        return self.p.poll() is None and os.path.exists("/proc/%d" % self.worker)

    def ask(self, *lines):
        """What fails of it fails: it is the daemon's life that counts."""
        try:
            console = Console(self.socket)
            return [console.run(line) for line in lines]
        except OSError:
            return []

    def stop(self):
        self.p.terminate()
        return self.p.wait(10)

    def hangup(self):
        self.p.send_signal(signal.SIGHUP)

    def kill_worker(self):
        """Whichever process the daemon itself calls the worker."""
        if self.wait_ready():
            os.kill(self.worker, signal.SIGKILL)

    def revive(self):
        """After kill_worker(): waits for the next one, and starts a new daemon if nobody else does."""
        dead = self.worker
        end = time.monotonic() + 60  # the keeper waits ten seconds at most, each time
        while time.monotonic() < end:
            if self.p.poll() is not None:
                self.start()
            try:
                if self.wait_ready(1) and self.worker != dead:
                    return
            except AssertionError:
                pass  # not yet
        raise Failure("no worker comes after one that was killed")

    def usage(self):
        """kB of memory, number of descriptors"""
        with open("/proc/%d/status" % self.worker, encoding="ascii") as f:
            memory = [int(line.split()[1]) for line in f if line.startswith("VmRSS:")][0]
        return memory, len(os.listdir("/proc/%d/fd" % self.worker))

    def wait_descriptors(self, number):
        """Until there are no more than so many; returns how many there are."""
        end = time.monotonic() + 5
        while self.usage()[1] > number and time.monotonic() < end:
            time.sleep(0.05)
        return self.usage()[1]

    def kill(self):
        """The keeper; a worker that does not end with it is ended, too."""
        workers = children(self.p.pid)
        self.p.kill()
        self.p.wait()
        end = time.monotonic() + 5
        for pid in workers:
            while os.path.exists("/proc/%d" % pid) and time.monotonic() < end:
                time.sleep(0.02)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Failure(Exception):
    pass


def until(what, test, daemon, between=None, seconds=20):
    end = time.monotonic() + seconds
    while True:
        if not daemon.alive():
            raise Failure("the daemon has ended, or its worker has: %s" % daemon.p.poll())
        wrong = test()
        if not wrong:
            return
        if time.monotonic() > end:
            raise Failure("%s: %s" % (what, wrong))
        if between:
            between()
        time.sleep(0.03)


ROUTERS = ("224.0.0.2", "224.0.0.22", "ff02::2", "ff02::16")


def settled():
    """What is wrong with the state that is always there."""
    for name in VIFS:
        for v in vifs():
            if name not in v:
                return "no VIF of " + name
    have = joined()
    for dev in VIFS[1:]:
        for group in ROUTERS:
            if (dev, group) not in have:
                return "%s is not joined on %s" % (group, dev)
    return None

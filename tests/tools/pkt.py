#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends IGMP and MLD messages made by hand, right or wrong on purpose, and shows those on the wire.

It shares nothing with the daemon's codec, so that a fault there cannot hide here. Versions are counted as IGMP does:
3 is IGMPv3 or MLDv2, 2 is IGMPv2 or MLDv1; the family is that of the addresses.

  pkt.py -i eth0 --src 10.1.0.11 v3report 'to_ex 239.1.1.1' 'allow 232.1.1.1 10.0.0.1,10.0.0.2'
  pkt.py -i eth0 v2report 239.1.1.1        v2leave, v1report alike
  pkt.py -i eth0 query --qrv 2 --qqic 125 --mrc 100
  pkt.py -i eth0 query 232.1.1.1 10.0.0.1,10.0.0.2 --mrc 10 --suppress
  pkt.py -i eth0 raw 16000000ef010101      a message in hex, checksum filled in
  pkt.py capture -i eth0 -t 5 --json

A record is "TYPE GROUP [SOURCE,...] [KEY=N]...", TYPE is_in, is_ex, to_in, to_ex, allow, block or a number. Keys: aux=N
adds N words of auxiliary data, auxlen=N and n=N only claim a length or a number of sources. ADDRESS+N stands for N
addresses on end: as a source in that record, as a group for as many records (v3report) or packets (v1, v2).
"""

import argparse
import ctypes
import fcntl
import ipaddress
import json
import os
import select
import signal
import socket
import struct
import sys
import time

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
PACKET_OUTGOING = 4
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_ALLMULTI = 263, 1, 2
SO_ATTACH_FILTER = 26
RECORD_TYPES = {"is_in": 1, "is_ex": 2, "to_in": 3, "to_ex": 4, "allow": 5, "block": 6}
RECORD_NAMES = {number: name for name, number in RECORD_TYPES.items()}


class BadCall(Exception):
    pass


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo_header(src, dst, length):
    return src.packed + dst.packed + struct.pack("!II", length, 58)


def addresses(text):
    """ADDRESS or ADDRESS+N as a list."""
    first, _, count = text.partition("+")
    try:
        addr = ipaddress.ip_address(first)
        return [addr + i for i in range(int(count) if count else 1)]
    except ValueError as e:
        raise BadCall(str(e)) from None


def address_list(text):
    return [a for part in text.split(",") for a in addresses(part)]


def number(text):
    return int(text, 0)


def hex_octets(text):
    try:
        return bytes.fromhex(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(str(e)) from None


# --- making messages -------------------------------------------------------------------------------------------------


def make_record(text):
    """One line of a report; returns the records it stands for and the family's version number."""
    words = text.split()
    keys = dict(w.split("=", 1) for w in words if "=" in w)
    words = [w for w in words if "=" not in w]
    unknown = set(keys) - {"aux", "auxlen", "n"}
    if not 2 <= len(words) <= 3 or unknown:
        raise BadCall("not a record: %s" % text)
    kind = RECORD_TYPES.get(words[0])
    if kind is None:
        try:
            kind = number(words[0])
        except ValueError:
            raise BadCall("not a record type: %s" % words[0]) from None
    sources = address_list(words[2]) if len(words) > 2 else []
    aux = number(keys.get("aux", "0"))
    head = struct.pack("!BBH", kind, number(keys.get("auxlen", str(aux))), number(keys.get("n", str(len(sources)))))
    tail = b"".join(s.packed for s in sources) + b"\xa5" * (4 * aux)
    groups = addresses(words[1])
    return [head + g.packed + tail for g in groups], groups[0].version


def make_report3(opt):
    made = [make_record(text) for text in opt.record]
    versions = {version for _, version in made}
    if len(versions) > 1:
        raise BadCall("records of both families")
    version = versions.pop() if versions else opt.family
    records = [r for several, _ in made for r in several]
    claimed = opt.n if opt.n is not None else len(records)
    kind = 0x22 if version == 4 else 143
    body = struct.pack("!BBHHH", kind, opt.code or 0, 0, opt.flags, claimed) + b"".join(records)
    return [(version, body, ipaddress.ip_address("224.0.0.22" if version == 4 else "ff02::16"))]


def make_older(opt, types, dst):
    """A report or leave before version 3: sent to its group, or to `dst` (by family)."""
    messages = []
    for group in addresses(opt.group):
        if group.version == 4:
            body = struct.pack("!BBH", types[0], opt.code or 0, 0) + group.packed
        else:
            body = struct.pack("!BBHHH", types[1], opt.code or 0, 0, 0, 0) + group.packed
        messages.append((group.version, body, dst[group.version] if dst else group))
    return messages


def make_query(opt):
    group = addresses(opt.group)[0] if opt.group else None
    sources = address_list(opt.sources) if opt.sources else []
    family = group.version if group else opt.family
    if group is None:
        group = ipaddress.ip_address("0.0.0.0" if family == 4 else "::")
    general = group.packed.strip(b"\0") == b""
    mrc = opt.mrc
    if mrc is None:
        mrc = (100 if general else 10) * (1 if family == 4 else 100)
        if opt.version == 1 and family == 4:
            mrc = 0
    if family == 4:
        body = struct.pack("!BBH", 0x11, mrc, 0) + group.packed
    else:
        body = struct.pack("!BBHHH", 130, opt.code or 0, 0, mrc, 0) + group.packed
    if opt.version == 3:
        claimed = opt.n if opt.n is not None else len(sources)
        s_qrv = opt.flags << 4 | (8 if opt.suppress else 0) | opt.qrv
        body += struct.pack("!BBH", s_qrv, opt.qqic, claimed) + b"".join(s.packed for s in sources)
    everyone = ipaddress.ip_address("224.0.0.1" if family == 4 else "ff02::1")
    return [(family, body, everyone if general else group)]


def make_messages(opt):
    routers = {4: ipaddress.ip_address("224.0.0.2"), 6: ipaddress.ip_address("ff02::2")}
    if opt.what == "v3report":
        return make_report3(opt)
    if opt.what == "v2report":
        return make_older(opt, (0x16, 131), None)
    if opt.what == "v1report":
        return make_older(opt, (0x12, 131), None)
    if opt.what == "v2leave":
        return make_older(opt, (0x17, 132), routers)
    if opt.what == "query":
        return make_query(opt)
    dst = ipaddress.ip_address("224.0.0.22" if opt.family == 4 else "ff02::16")
    return [(opt.family, opt.message, dst)]


# --- the envelope ----------------------------------------------------------------------------------------------------


def interface_address(name, version):
    """The address a message goes out from unless --src says otherwise: IPv4, or link-local."""
    if version == 4:
        request = struct.pack("16sH14x", name.encode(), socket.AF_INET)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                answer = fcntl.ioctl(sock, 0x8915, request.ljust(40, b"\0"))  # SIOCGIFADDR
            except OSError:
                raise BadCall("%s has no IPv4 address: give --src" % name) from None
        return ipaddress.ip_address(answer[20:24])
    with open("/proc/net/if_inet6", encoding="ascii") as table:
        for line in table:
            octets, _, _, scope, _, ifname = line.split()
            if ifname == name and scope == "20":
                return ipaddress.ip_address(bytes.fromhex(octets))
    raise BadCall("%s has no link-local address: give --src" % name)


def ethernet_dst(dst, opt):
    if opt.dmac:
        return bytes.fromhex(opt.dmac.replace(":", ""))
    if dst.is_multicast and dst.version == 4:
        return b"\x01\x00\x5e" + bytes([dst.packed[1] & 0x7F]) + dst.packed[2:]
    if dst.is_multicast:
        return b"\x33\x33" + dst.packed[12:]
    if dst.version == 4:
        with open("/proc/net/arp", encoding="ascii") as table:
            for line in table:
                words = line.split()
                if words[0] == str(dst) and words[5] == opt.interface and words[3] != "00:00:00:00:00:00":
                    return bytes.fromhex(words[3].replace(":", ""))
    return b"\xff" * 6 if dst.version == 4 else b"\x33\x33\x00\x00\x00\x01"


def with_checksum(version, body, src, dst, opt):
    if len(body) < 4:
        return body
    body = body[:2] + b"\0\0" + body[4:]
    covered = body if opt.sum_len is None else body[:opt.sum_len]
    if version == 6 and not opt.no_pseudo:
        covered = pseudo_header(src, dst, len(body)) + covered
    value = checksum(covered) ^ (1 if opt.bad_sum else 0)
    return body[:2] + struct.pack("!H", value) + body[4:]


def make_packet(version, body, dst, opt):
    src = opt.src or interface_address(opt.interface, version)
    dst = opt.dst or dst
    if src.version != version or dst.version != version:
        raise BadCall("--src or --dst is of the other family")
    body = with_checksum(version, body + opt.trailer, src, dst, opt)
    alert = struct.pack("!H", opt.alert_value)
    tos = opt.tos if opt.tos is not None else 0xC0 if version == 4 else 0
    if version == 4:
        options = b"" if opt.no_alert else b"\x94\x04" + alert
        head = struct.pack("!BBHHHBBH", 0x40 | (20 + len(options)) // 4, tos, 20 + len(options) + len(body), 0,
                           0x4000, opt.ttl, 2, 0) + src.packed + dst.packed + options
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        return src, dst, head + body
    if opt.no_alert:
        chain, first = b"", 58
    elif opt.pad_only:
        chain, first = bytes([58, 0, 1, 4, 0, 0, 0, 0]), 0
    else:
        chain, first = bytes([58, 0, 5, 2]) + alert + bytes([1, 0]), 0
    head = struct.pack("!IHBB", 6 << 28 | tos << 20, len(chain) + len(body), first, opt.ttl)
    return src, dst, head + src.packed + dst.packed + chain + body


def command_send(opt):
    packets = []
    for version, body, dst in make_messages(opt):
        _, dst, packet = make_packet(version, body, dst, opt)
        packets.append((version, dst, packet))
    if opt.dry_run:
        for _, _, packet in packets:
            print(packet.hex(), flush=True)
        return 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((opt.interface, 0))
        smac = bytes.fromhex(opt.smac.replace(":", "")) if opt.smac else sock.getsockname()[4]
        for turn in range(opt.repeat):
            if turn:
                time.sleep(opt.interval)
            for version, dst, packet in packets:
                kind = struct.pack("!H", ETH_P_IP if version == 4 else ETH_P_IPV6)
                sock.send(ethernet_dst(dst, opt) + smac + kind + packet)
    return 0


# --- reading what is on the wire -------------------------------------------------------------------------------------


class Cut(Exception):
    """The message ends before it ought to."""


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise Cut
        self.at += n
        return self.data[self.at - n:self.at]

    def unpack(self, fmt):
        return struct.unpack("!" + fmt, self.take(struct.calcsize("!" + fmt)))

    def address(self, version):
        return str(ipaddress.ip_address(self.take(4 if version == 4 else 16)))

    def left(self):
        return len(self.data) - self.at


def float_code(code, mantissa):
    hidden = 1 << mantissa
    if code < hidden << 3:
        return code
    return (code & (hidden - 1) | hidden) << ((code >> mantissa & 7) + 3)


def read_alert(options, pad, alert, end, extra):
    """Walks IPv4 or Hop-by-Hop options; returns the value of the Router Alert or None. `extra`: what the length of an
    option leaves out."""
    at = 0
    while at < len(options) and options[at] != end:
        if options[at] == pad:
            at += 1
            continue
        if at + 2 > len(options) or options[at + 1] + extra < 2:
            break
        size = options[at + 1] + extra
        if options[at] == alert and size == 4 and at + 4 <= len(options):
            return struct.unpack("!H", options[at + 2:at + 4])[0]
        at += size
    return None


def read_ip(packet):
    """The fields of the envelope and the message, or None for what is neither IGMP nor ICMPv6."""
    if len(packet) >= 20 and packet[0] >> 4 == 4 and packet[9] == 2:
        size, total = (packet[0] & 15) * 4, struct.unpack("!H", packet[2:4])[0]
        envelope = {"src": ipaddress.ip_address(packet[12:16]), "dst": ipaddress.ip_address(packet[16:20]),
                    "ttl": packet[8], "ra": read_alert(packet[20:size], 1, 0x94, 0, 0), "tos": packet[1]}
        return 4, envelope, packet[size:total]
    if len(packet) < 48 or packet[0] >> 4 != 6:
        return None
    alert, at, head = None, 40, packet[6]
    if head == 0:
        size = (packet[41] + 1) * 8
        alert, head = read_alert(packet[42:40 + size], 0, 5, None, 2), packet[40]
        at += size
    if head != 58:
        return None
    envelope = {"src": ipaddress.ip_address(packet[8:24]), "dst": ipaddress.ip_address(packet[24:40]),
                "ttl": packet[7], "ra": alert, "tos": (packet[0] & 15) << 4 | packet[1] >> 4}
    return 6, envelope, packet[at:40 + struct.unpack("!H", packet[4:6])[0]]


IGMP_TYPES = {0x11: ("query", 3), 0x12: ("report", 1), 0x16: ("report", 2), 0x17: ("leave", 2), 0x22: ("report", 3)}
MLD_TYPES = {130: ("query", 3), 131: ("report", 2), 132: ("leave", 2), 143: ("report", 3)}


def read_query(version, reader, fields):
    size = len(reader.data)
    if version == 4:
        code = reader.unpack("BBH")[1]
    else:
        code = reader.unpack("BBHHH")[3]
    fields["gen"] = 3 if size >= (12 if version == 4 else 28) else 1 if version == 4 and code == 0 else 2
    fields["group"] = reader.address(version)
    fields["mrc"] = code
    value = float_code(code, 4 if version == 4 else 12) if fields["gen"] == 3 else code
    fields["responseMs"] = value * (100 if version == 4 else 1)
    if fields["gen"] == 3:
        flags, qqic, count = reader.unpack("BBH")
        fields.update({"s": flags >> 3 & 1, "qrv": flags & 7, "resv": flags >> 4, "qqic": qqic,
                       "qqi": float_code(qqic, 4), "n": count})
        fields["sources"] = []
        for _ in range(count):
            fields["sources"].append(reader.address(version))


def read_report3(version, reader, fields):
    _, _, _, fields["flags"], fields["n"] = reader.unpack("BBHHH")
    fields["records"] = []
    for _ in range(fields["n"]):
        kind, aux, count = reader.unpack("BBH")
        record = {"type": RECORD_NAMES.get(kind, str(kind)), "group": reader.address(version), "sources": []}
        record["sources"] = [reader.address(version) for _ in range(count)]
        if aux:
            record["aux"] = aux
            reader.take(4 * aux)
        fields["records"].append(record)


def read_message(packet):
    """A packet as a dictionary of fields, or None when it is none of ours."""
    found = read_ip(packet)
    if not found:
        return None
    version, envelope, message = found
    if not message or (version == 6 and message[0] not in MLD_TYPES):
        return None
    kind, gen = (IGMP_TYPES if version == 4 else MLD_TYPES).get(message[0], ("type-%d" % message[0], 0))
    covered = message if version == 4 else pseudo_header(envelope["src"], envelope["dst"], len(message)) + message
    fields = {"src": str(envelope["src"]), "dst": str(envelope["dst"]), "ttl": envelope["ttl"],
              "ra": {None: "no", 0: "yes"}.get(envelope["ra"], str(envelope["ra"])), "tos": envelope["tos"],
              "sum": "ok" if checksum(covered) == 0 else "bad", "proto": "igmp" if version == 4 else "mld",
              "type": kind, "gen": gen, "len": len(message)}
    reader = Reader(message)
    try:
        if kind == "query":
            read_query(version, reader, fields)
        elif kind == "report" and gen == 3:
            read_report3(version, reader, fields)
        elif kind in ("report", "leave"):
            reader.take(4 if version == 4 else 8)
            fields["group"] = reader.address(version)
        if gen and reader.left():
            fields["extra"] = reader.left()
    except Cut:
        fields["cut"] = 1
    return fields


def as_text(fields):
    """`TIME DIR SRC > DST KEY=VALUE... PROTO TYPE gen=N KEY=VALUE...`, records as `[TYPE GROUP {SOURCE,...}]`."""
    line = "%.3f %s %s > %s ttl=%d ra=%s tos=0x%02x sum=%s %s %s gen=%d len=%d" % tuple(
        fields[k] for k in ("time", "dir", "src", "dst", "ttl", "ra", "tos", "sum", "proto", "type", "gen", "len"))
    for key in ("group", "mrc", "responseMs", "s", "qrv", "resv", "qqic", "qqi", "flags", "n"):
        if key in fields:
            line += " %s=%s" % (key, fields[key])
    if "sources" in fields:
        line += " sources={%s}" % ",".join(fields["sources"])
    for record in fields.get("records", []):
        line += " [%s %s {%s}]" % (record["type"], record["group"], ",".join(record["sources"]))
    for key in ("extra", "cut"):
        if key in fields:
            line += " %s=%d" % (key, fields[key])
    return line


def attach_filter(sock):
    """IPv4 with protocol IGMP, or IPv6 that starts with Hop-by-Hop options or ICMPv6; the rest stays in the kernel."""
    ldb, land, jeq, ret = 0x30, 0x54, 0x15, 0x06
    program = [(ldb, 0, 0, 0), (land, 0, 0, 0xF0), (jeq, 0, 2, 0x40), (ldb, 0, 0, 9), (jeq, 4, 5, 2), (jeq, 0, 4, 0x60),
               (ldb, 0, 0, 6), (jeq, 1, 0, 0), (jeq, 0, 1, 58), (ret, 0, 0, 0x40000), (ret, 0, 0, 0)]
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    buf = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(buf)))


def command_capture(opt):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    attach_filter(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((opt.interface, ETH_P_ALL))
    sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                    struct.pack("@IHH8s", socket.if_nametoindex(opt.interface), PACKET_MR_ALLMULTI, 0, b""))
    print("capturing on %s" % opt.interface, file=sys.stderr, flush=True)
    deadline = time.monotonic() + opt.time if opt.time is not None else None
    seen = 0
    while opt.count is None or seen < opt.count:
        left = None if deadline is None else max(0, deadline - time.monotonic())
        if not select.select([sock], [], [], left)[0]:
            break
        try:
            packet, meta = sock.recvfrom(65535)
        except OSError as e:
            print("pkt.py: %s: %s" % (opt.interface, e.strerror), file=sys.stderr, flush=True)
            time.sleep(0.1)
            continue
        fields = read_message(packet)
        if not fields:
            continue
        fields = {"time": round(time.monotonic(), 3), "dir": "out" if meta[2] == PACKET_OUTGOING else "in", **fields}
        print(json.dumps(fields) if opt.json else as_text(fields), flush=True)
        seen += 1
    return 0 if opt.count is None or seen >= opt.count else 1


# --- the command line ------------------------------------------------------------------------------------------------


def parse():
    unset = argparse.SUPPRESS
    common = argparse.ArgumentParser(add_help=False, argument_default=unset)
    common.add_argument("-i", "--interface", help="interface to send or to listen on")
    env = common.add_argument_group("envelope of a message sent")
    env.add_argument("-4", dest="family", action="store_const", const=4, help="IGMP, where no address tells (default)")
    env.add_argument("-6", dest="family", action="store_const", const=6, help="MLD, where no address tells")
    env.add_argument("--src", type=ipaddress.ip_address, help="sender (default: the interface's address)")
    env.add_argument("--dst", type=ipaddress.ip_address, help="destination (default: as the standard says)")
    env.add_argument("--smac", help="Ethernet sender")
    env.add_argument("--dmac", help="Ethernet destination")
    env.add_argument("--ttl", type=number, help="TTL or Hop Limit (default 1)")
    env.add_argument("--tos", type=number, help="ToS or Traffic Class (default 0xc0, MLD 0)")
    env.add_argument("--no-alert", action="store_true", help="without Router Alert (MLD: without Hop-by-Hop header)")
    env.add_argument("--alert-value", type=number, help="value of the Router Alert (default 0)")
    env.add_argument("--pad-only", action="store_true", help="MLD: a Hop-by-Hop header with padding alone")
    env.add_argument("--bad-sum", action="store_true", help="a wrong checksum")
    env.add_argument("--sum-len", type=number, help="checksum over that many octets only")
    env.add_argument("--no-pseudo", action="store_true", help="MLD: checksum without the pseudo-header")
    env.add_argument("--trailer", type=hex_octets, help="octets in hex behind the message")
    env.add_argument("--code", type=number, help="second octet of the message where it means nothing")
    env.add_argument("--flags", type=number, help="reserved flags: 16 bits of a v3 report, 4 bits of a v3 query")
    env.add_argument("--n", type=number, help="claimed number of records or sources")
    env.add_argument("--repeat", type=number, help="send so many times (default 1)")
    env.add_argument("--interval", type=float, help="seconds between two times (default 1)")
    env.add_argument("--dry-run", action="store_true", help="print the packet in hex instead of sending it")

    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                 parents=[common])
    subs = ap.add_subparsers(dest="what", required=True, metavar="COMMAND")
    sub = subs.add_parser("v3report", parents=[common], help="IGMPv3 or MLDv2 report")
    sub.add_argument("record", nargs="*")
    for name, text in (("v2report", "IGMPv2 or MLDv1 report"), ("v2leave", "IGMPv2 leave or MLDv1 done"),
                       ("v1report", "IGMPv1 report")):
        sub = subs.add_parser(name, parents=[common], help=text)
        sub.add_argument("group")
    sub = subs.add_parser("query", parents=[common], help="query of any version")
    sub.add_argument("group", nargs="?")
    sub.add_argument("sources", nargs="?")
    sub.add_argument("--version", type=int, choices=(1, 2, 3), default=3, help="3: IGMPv3 or MLDv2 (default)")
    sub.add_argument("--mrc", type=number, help="Max Response Code as on the wire (default 10 s, with a group 1 s)")
    sub.add_argument("--qrv", type=number, default=2)
    sub.add_argument("--qqic", type=number, default=125)
    sub.add_argument("--suppress", action="store_true", help="set the S flag")
    sub = subs.add_parser("raw", parents=[common], help="message in hex")
    sub.add_argument("message", type=hex_octets)
    sub = subs.add_parser("capture", parents=[common], help="print every IGMP and MLD packet seen")
    sub.add_argument("-t", "--time", type=float, help="end after TIME seconds")
    sub.add_argument("-c", "--count", type=int, help="end after COUNT packets; exit 1 when fewer came")
    sub.add_argument("--json", action="store_true", help="one JSON object a line")

    defaults = {"interface": None, "family": 4, "src": None, "dst": None, "smac": None, "dmac": None, "ttl": 1,
                "tos": None, "no_alert": False, "alert_value": 0, "pad_only": False, "bad_sum": False, "sum_len": None,
                "no_pseudo": False, "trailer": b"", "code": None, "flags": 0, "n": None, "repeat": 1, "interval": 1.0,
                "dry_run": False}
    given = vars(ap.parse_args())
    opt = argparse.Namespace(**{**defaults, **given})
    if "family" not in given and opt.src:
        opt.family = opt.src.version
    if not opt.interface and not (opt.dry_run and opt.src):
        ap.error("no interface: give -i")
    return opt


def main():
    opt = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        return command_capture(opt) if opt.what == "capture" else command_send(opt)
    except (BadCall, struct.error, ValueError) as e:
        print("pkt.py: %s" % e, file=sys.stderr, flush=True)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 0
    except OSError as e:
        print("pkt.py: %s" % e.strerror, file=sys.stderr, flush=True)
        return 2


if __name__ == "__main__":
    sys.exit(main())

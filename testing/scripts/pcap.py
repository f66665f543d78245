"""Reads packets from the files of traces."""

import os
import re
import struct

from packets import Fault, ip_length

DLT_RAW, DLT_NFLOG = 101, 239
NFULA_PAYLOAD, NFULA_PREFIX = 9, 10


class Packet:
    """An IP packet in a trace, its group is that of the processor that handled it."""

    def __init__(self, time, data, length, point, group):
        self.time = time
        self.data = data
        self.length = length
        self.point = point
        self.group = group


def read_pcap(path):
    """Packets of a pcap file, all of which have to be complete records."""
    with open(path, "rb") as file:
        content = file.read()
    if len(content) < 24:
        raise Fault(f"{os.path.basename(path)} has no pcap header")
    magic, major, minor, _, _, _, link = struct.unpack_from("=IHHiIII", content)
    if (magic, major, minor) != (0xa1b2c3d4, 2, 4) or link not in (DLT_RAW, DLT_NFLOG):
        raise Fault(f"{os.path.basename(path)} is no pcap file of link type NFLOG or RAW")
    packets = []
    pos = 24
    while pos < len(content):
        if pos + 16 > len(content):
            raise Fault(f"{os.path.basename(path)} ends within packet {len(packets) + 1}")
        seconds, micros, caplen, length = struct.unpack_from("=IIII", content, pos)
        pos += 16
        record = content[pos:pos + caplen]
        if len(record) < caplen or caplen > length:
            raise Fault(f"{os.path.basename(path)} ends within packet {len(packets) + 1}")
        pos += caplen
        point = group = None
        if link == DLT_NFLOG:
            point, group, data = parse_nflog(path, record)
        else:
            data = record
        whole = len(data)
        if length > caplen:
            # attributes are padded
            whole = ip_length(data)
            if abs(whole - len(data) - (length - caplen)) > 3:
                raise Fault(f"{os.path.basename(path)} has a packet with a wrong original length")
        packets.append(Packet(seconds + micros / 1e6, data, whole, point, group))
    return packets


def parse_nflog(path, record):
    """Capture point, NFLOG group and IP packet of a record of link type NFLOG."""
    point = data = None
    pos = 4
    while pos + 4 <= len(record):
        size, kind = struct.unpack_from("=HH", record, pos)
        if size < 4 or pos + size > len(record):
            raise Fault(f"{os.path.basename(path)} has a record with a torn attribute")
        value = record[pos + 4:pos + size]
        if kind == NFULA_PREFIX:
            point = re.search(r"[{\[]\d+[}\]] ([a-z]+-(?:in|out))$", value.rstrip(b"\0").decode())
        elif kind == NFULA_PAYLOAD:
            data = value
        pos += size + 3 & ~3
    if data is None or point is None:
        raise Fault(f"{os.path.basename(path)} has a record without packet or capture point")
    return point[1], struct.unpack_from("!H", record, 2)[0], data


def read_decrypted(path):
    """What a pcapng file of nflog-capture has for each packet of a trace: the decrypted
    packet, which follows it, or None. What that carries in turn follows it, and is left
    out."""
    with open(path, "rb") as file:
        content = file.read()
    packets = []
    pos = 0
    while pos + 12 <= len(content):
        kind, size = struct.unpack_from("=II", content, pos)
        if kind == 6:
            interface, _, _, length = struct.unpack_from("=IIII", content, pos + 8)
            if interface == 0:
                packets.append(None)
            elif interface == 1:
                packets[-1] = content[pos + 28:pos + 28 + length]
        pos += size
    return packets


def read_comments(path):
    """Comments of the packets of a pcapng file, None for those without."""
    with open(path, "rb") as file:
        content = file.read()
    comments = []
    pos = 0
    while pos + 12 <= len(content):
        kind, size = struct.unpack_from("=II", content, pos)
        if size < 12 or pos + size > len(content):
            raise Fault(f"{os.path.basename(path)} ends within a block")
        if kind == 6:
            length, = struct.unpack_from("=I", content, pos + 20)
            option = pos + 28 + (length + 3 & ~3)
            comment = None
            while option + 4 <= pos + size - 4:
                code, value = struct.unpack_from("=HH", content, option)
                if code == 1:
                    comment = content[option + 4:option + 4 + value].decode()
                option += 4 + (value + 3 & ~3)
            comments.append(comment)
        pos += size
    if pos != len(content):
        raise Fault(f"{os.path.basename(path)} ends within a block")
    return comments


def read_files(path, files, kind):
    """Packets of the files of a trace, which are numbered without a gap."""
    numbers = [number for number, _ in sorted(files)]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise Fault(f"files of the {kind} trace are missing, there are {numbers}")
    packets = []
    for _, file in sorted(files):
        packets += read_pcap(os.path.join(path, file))
    return packets

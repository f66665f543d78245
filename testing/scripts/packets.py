"""IP packets of traces: reading them, and what is the same in the clear and encrypted."""

import copy
import os
import re
import struct
import zlib

AH, IPCOMP, TCP, UDP, ICMPV6 = 51, 108, 6, 17, 58
DLT_RAW, DLT_NFLOG = 101, 239
NFULA_PAYLOAD, NFULA_PREFIX = 9, 10


class Fault(Exception):
    """What is wrong with a trace."""


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


def checksum(data):
    """Sum of RFC 1071, not inverted."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def header(data):
    """Length of the IP headers, and protocol of what follows."""
    if data[0] >> 4 == 4:
        return (data[0] & 15) * 4, data[9]
    length, protocol = 40, data[6]
    while protocol in (0, 43, 60):
        protocol, length = data[length], length + (data[length + 1] + 1) * 8
    return length, protocol


def ip_length(data):
    """Length of a packet as its IP header tells."""
    if data[0] >> 4 == 4:
        return struct.unpack_from("!H", data, 2)[0]
    return struct.unpack_from("!H", data, 4)[0] + 40


def is_fragment(data):
    """Whether a packet is a fragment."""
    if data[0] >> 4 == 4:
        return struct.unpack_from("!H", data, 6)[0] & 0x3fff != 0
    return header(data)[1] == 44


def checksum_at(data):
    """Offset of the transport checksum, and the sum of the pseudo header."""
    length, protocol = header(data)
    offset = {TCP: 16, UDP: 6, ICMPV6: 2}.get(protocol)
    if offset is None or is_fragment(data) or len(data) < length + offset + 2:
        return None, None
    addresses = data[12:20] if data[0] >> 4 == 4 else data[8:40]
    return length + offset, checksum(addresses + struct.pack("!HH", protocol, len(data) - length))


def finish(data):
    """Packet with the checksum that the network interface, or the encryption, is to
    finish, and whether it wasn't."""
    offset, pseudo = checksum_at(data)
    if offset is None or struct.unpack_from("!H", data, offset)[0] != pseudo:
        return data, False
    return set_checksum(data, offset, pseudo), True


def set_checksum(data, offset, pseudo):
    """Packet with a right transport checksum."""
    length, protocol = header(data)
    zeroed = data[:offset] + b"\0\0" + data[offset + 2:]
    value = ~checksum(struct.pack("!H", pseudo) + zeroed[length:]) & 0xffff
    if protocol == UDP:
        value = value or 0xffff
    return zeroed[:offset] + struct.pack("!H", value) + zeroed[offset + 2:]


def with_length(data, ident=0):
    """Packet with the IP header of one of this length, and a later ID."""
    if data[0] >> 4 == 4:
        length = (data[0] & 15) * 4
        old = struct.unpack_from("!H", data, 4)[0]
        head = data[:2] + struct.pack("!HH", len(data), old + ident & 0xffff) + data[6:10] + \
            b"\0\0" + data[12:length]
        return head[:10] + struct.pack("!H", ~checksum(head) & 0xffff) + head[12:] + data[length:]
    return data[:4] + struct.pack("!H", len(data) - 40) + data[6:]


def segments(data, first):
    """The packets that segmentation offload makes of a large one, the first of
    which is given, None if it's no such packet."""
    length, protocol = header(data)
    if len(data) <= len(first) or header(first) != (length, protocol) or is_fragment(data):
        return None
    if protocol == TCP:
        size = length + (data[length + 12] >> 4) * 4
    elif protocol == UDP:
        size = length + 8
    else:
        return None
    payload, step = data[size:], len(first) - size
    if step <= 0:
        return None
    parts = []
    for pos in range(0, len(payload), step):
        head = bytearray(data[:size])
        if protocol == TCP:
            sequence = struct.unpack_from("!I", head, length + 4)[0] + pos
            struct.pack_into("!I", head, length + 4, sequence & 0xffffffff)
            if pos:
                head[length + 13] &= ~0x80
            if pos + step < len(payload):
                head[length + 13] &= ~0x09
        part = bytes(head) + payload[pos:pos + step]
        if protocol == UDP:
            part = part[:length + 4] + struct.pack("!H", len(part) - length) + part[length + 6:]
        part = with_length(part, pos // step)
        parts.append(set_checksum(part, *checksum_at(part)))
    return parts


def fragment(data):
    """Of a fragment, what its datagram is known by, offset, whether more follow, header of
    the datagram and content; None if it's no fragment, or one behind other headers."""
    if data[0] >> 4 == 4:
        length = (data[0] & 15) * 4
        field = struct.unpack_from("!H", data, 6)[0]
        if not field & 0x3fff:
            return None
        return (data[4:6] + data[9:10] + data[12:20], (field & 0x1fff) * 8, field & 0x2000,
                data[:6] + b"\0\0" + data[8:length], data[length:])
    if data[6] != 44:
        return None
    field = struct.unpack_from("!H", data, 42)[0]
    return (data[40:41] + data[44:48] + data[8:40], field & 0xfff8, field & 1,
            data[:6] + data[40:41] + data[7:40], data[48:])


def reassemble(packets):
    """Packets with those that came in fragments whole, each in place of its last fragment."""
    result, pending = [], {}
    for packet in packets:
        found = fragment(packet.data)
        if not found:
            result.append(packet)
            continue
        parts = pending.setdefault(found[0], {})
        parts[found[1]] = found
        content = b""
        for offset in sorted(parts):
            if offset == len(content):
                content += parts[offset][4]
        last = parts[max(parts)]
        if not last[2] and len(content) == last[1] + len(last[4]):
            whole = copy.copy(packet)
            whole.data = with_length(parts[0][3] + content)
            result.append(whole)
            del pending[found[0]]
    # what is not complete stays as it is, and will differ
    return result + [packet for packet in packets if (found := fragment(packet.data)) and found[0] in pending]


def congestion(inner, outer):
    """Inner packet as decapsulated, if the outer one told of congestion."""
    def tos(data):
        return data[1] if data[0] >> 4 == 4 else (data[0] << 4 | data[1] >> 4) & 0xff
    if tos(outer) & 3 != 3 or not tos(inner) & 3:
        return inner
    if inner[0] >> 4 == 4:
        return with_length(inner[:1] + bytes([inner[1] | 3]) + inner[2:])
    return inner[:1] + bytes([inner[1] | 0x30]) + inner[2:]


class Inner:
    """A packet that was decapsulated."""

    def __init__(self, packet, sequence, following, content, beet):
        outer = packet.data
        self.outer = packet
        self.time = packet.time
        self.sequence = sequence
        if following == IPCOMP:
            following, content = decompress(content)
        # a packet without content, made to hide the amount of traffic
        self.dummy = following == 59
        if following in (4, 41):
            # what follows the packet is traffic flow confidentiality
            self.data = congestion(content[:ip_length(content)], outer)
        else:
            self.data = transport(outer, following, content)
            if beet:
                self.data = without_addresses(self.data)


class Opaque:
    """A packet that Wireshark can't decrypt, as nflog-capture did it, if that was run."""

    dummy = False

    def __init__(self, packet, sequence, data):
        self.outer = packet
        self.time = packet.time
        self.sequence = sequence
        self.data = data and congestion(data, packet.data)


def without_trailer(sequence, content):
    """What follows in decrypted content of ESP, and the content."""
    pad, following = content[-2], content[-1]
    if content[-2 - pad:-2] != bytes(range(1, pad + 1)):
        raise Fault(f"ESP packet {sequence} has wrong padding, its key is probably wrong")
    return following, content[:-2 - pad]


def without_ah(data):
    """What follows in an AH packet, and the content."""
    length, _ = header(data)
    return data[length], data[length + (data[length + 1] + 2) * 4:]


def decompress(content):
    """What follows in an IPComp packet, and the content."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    return content[0], inflate.decompress(content[4:]) + inflate.flush()


def transport(outer, protocol, content):
    """Packet that was encapsulated in transport mode."""
    if outer[0] >> 4 == 4:
        length = (outer[0] & 15) * 4
        return with_length(outer[:9] + bytes([protocol]) + outer[10:length] + content)
    # the header before ESP has its protocol
    at, following, length = 6, outer[6], 40
    while following in (0, 43, 60):
        at, following, length = length, outer[length], length + (outer[length + 1] + 1) * 8
    return with_length(outer[:at] + bytes([protocol]) + outer[at + 1:length] + content)


def without_addresses(data):
    """A packet without what the SA has of its header in BEET mode."""
    if data[0] >> 4 == 4:
        return data[:10] + bytes(10) + data[20:]
    return data[:8] + bytes(32) + data[40:]


def addresses(data):
    """Source and destination address of a packet."""
    return data[12:20] if data[0] >> 4 == 4 else data[8:40]


class Queue:
    """Decrypted packets of a direction, to be taken in order.

    Two processors may each handle a packet at the same time, so one may overtake the
    other between the capture points, however long that one is held up: each processor
    logs to groups of its own. On the same processor only an interrupt comes between, so
    such packets are close to each other, as are those of which no group is known."""

    CLOSE = 0.1

    def __init__(self, packets):
        self.packets = packets
        self.taken = [False] * len(packets)
        self.head = 0
        self.places = {}
        for place, packet in enumerate(packets):
            self.places.setdefault(packet.data, []).append(place)

    def first(self):
        """The next packet, None at the end."""
        return self.packets[self.head] if self.head < len(self.packets) else None

    def left(self, begin=0):
        """Packets that were not taken, from a place on."""
        return [packet for packet, taken in zip(self.packets[begin:], self.taken[begin:]) if not taken]

    def may_overtake(self, place):
        """Whether a packet may come before all that are not taken, and were seen before it."""
        late = self.packets[place].outer
        return all(taken or packet.outer.group != late.group or abs(packet.time - late.time) <= self.CLOSE
                   for packet, taken in zip(self.packets[self.head:place], self.taken[self.head:place]))

    def next(self):
        """Places of packets that may be the next one."""
        for place in range(self.head, len(self.packets)):
            if not self.taken[place] and self.may_overtake(place):
                yield place

    def find(self, data):
        """Place of a packet among those that may be the next one, None if it's not there."""
        for place in self.places.get(data, ()):
            if place >= self.head and not self.taken[place] and self.may_overtake(place):
                return place
        return None

    def take(self, place):
        """Takes a packet, returns whether it overtook another one."""
        overtook = place != self.head
        self.taken[place] = True
        while self.head < len(self.packets) and self.taken[self.head]:
            self.head += 1
        return overtook

    def skip(self, data):
        """Skips what is before a packet, wherever it is."""
        while self.first() and self.match(data, False) is None:
            self.take(self.head)

    def match(self, data, take=True):
        """Takes the packets that a captured one is equal to: what is to be told of it,
        None if there are none."""
        finished, unfinished = finish(data)
        for packet, told in ((data, ""), (finished, "unfinished" if unfinished else "")):
            place = self.find(packet)
            if place is not None:
                overtook = take and self.take(place)
                return {told, "overtaking" if overtook else ""} - {""}
        for place in self.next():
            parts = segments(data, self.packets[place].data)
            if parts and parts[0] == self.packets[place].data and \
               all(self.find(part) is not None for part in parts):
                # a list, as all have to be taken
                overtook = take and any([self.take(self.find(part)) for part in parts])
                return {"large", "unfinished" if unfinished else "", "overtaking" if overtook else ""} - {""}
        return None


def difference(direction, number, packet, other):
    """Describes the first difference."""
    what = f"packet {number} of plain-{direction}"
    if not other:
        return f"{what} is not in the esp trace"
    at = next((i for i, (a, b) in enumerate(zip(packet.data, other.data)) if a != b),
              min(len(packet.data), len(other.data)))
    return (f"{what} ({len(packet.data)} bytes) differs at byte {at} from the decrypted one "
            f"({len(other.data)} bytes) with sequence number {other.sequence}")

"""IP packets: their headers, checksums, segments and fragments."""

import copy
import struct

DIRECTIONS = ("in", "out")
TCP, UDP, ICMPV6 = 6, 17, 58


class Fault(Exception):
    """What is wrong with a trace."""


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
    """Length of a packet according to its IP header."""
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
    pseudo = addresses(data) + struct.pack("!HH", protocol, len(data) - length)
    return length + offset, checksum(pseudo)


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
    return result + [packet for packet in packets
                     if (found := fragment(packet.data)) and found[0] in pending]


def congestion(inner, outer):
    """Inner packet as decapsulated, if the outer one signals congestion."""
    def tos(data):
        return data[1] if data[0] >> 4 == 4 else (data[0] << 4 | data[1] >> 4) & 0xff
    if tos(outer) & 3 != 3 or not tos(inner) & 3:
        return inner
    if inner[0] >> 4 == 4:
        return with_length(inner[:1] + bytes([inner[1] | 3]) + inner[2:])
    return inner[:1] + bytes([inner[1] | 0x30]) + inner[2:]


def addresses(data):
    """Source and destination address of a packet."""
    return data[12:20] if data[0] >> 4 == 4 else data[8:40]

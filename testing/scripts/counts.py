"""Compares the number of packets in traces to what swanctl and the plugin's log say."""

import collections
import re

from packets import DIRECTIONS, Fault

# algorithms that Wireshark does not decrypt: its 4.0 for ESP, all for IKE
OPAQUE_ESP = re.compile(r"ESP[^,]*:(CHACHA20|CAMELLIA|NULL_AES_GMAC|[^,]*HMAC_SHA1_160)")
OPAQUE_IKE = re.compile(r"^(CHACHA20|CAMELLIA)")
# lines of swanctl --list-sas
LINE_IKE_SA = re.compile(r"(\S+): #\d+, .*, IKEv., ([0-9a-f]{16})_i\*? ([0-9a-f]{16})_r")
LINE_IKE_PROPOSAL = re.compile(r"  (\S+/PRF_\S+)$")
LINE_CHILD_SA = re.compile(r"  (\S+): #\d+,(.*)")
LINE_SA = re.compile(r"    (in|out) +([0-9a-f]{8})(/\S+)?[^,]*, +(\d+) bytes, +(\d+) packets")

# What swanctl --list-sas shows of an SA, no size where it is not that of the packets in
# the clear.
Counted = collections.namedtuple("Counted", "conn child packets size opaque beet")


def parse_sas(text):
    """What swanctl --list-sas shows: counters of a CHILD_SA's as {(direction, inbound SPI):
    Counted}, as outbound ones may be the same for several, and the SPIs of IKE_SAs that are
    opaque."""
    sas, opaque = {}, set()
    conn = spis = child = inbound = None
    algorithms = ""
    for line in text.splitlines():
        if found := LINE_IKE_SA.match(line):
            conn, spis = found[1], f"{found[2]}-{found[3]}"
        elif found := LINE_CHILD_SA.match(line):
            child, algorithms = found[1], found[2]
        elif found := LINE_IKE_PROPOSAL.match(line):
            if OPAQUE_IKE.search(found[1]):
                opaque.add(spis)
        elif found := LINE_SA.match(line):
            # with IPComp, bytes are those of compressed packets
            size = int(found[4]) if "TUNNEL" in algorithms and not found[3] else None
            inbound = found[2] if found[1] == "in" else inbound
            # what a rekeyed CHILD_SA sent through is gone first, and shown with no packets
            if found[1] == "out" and re.search(", (REKEYED|DELETED),", algorithms):
                continue
            sas[found[1], inbound] = Counted(conn, child, int(found[5]), size,
                                             bool(OPAQUE_ESP.search(algorithms)),
                                             ", BEET" in algorithms)
    return sas, opaque


class Counts:
    """Compares the packets of traces to charon.log and to the SAs' counters, with the options
    of check-traces."""

    def __init__(self, options, log, sas):
        self.options = options
        self.log = log
        self.sas = sas

    def check_sequence(self, direction, packets):
        """Checks that no packet is missing, and none is there twice."""
        numbers = [packet.sequence for packet in packets]
        if len(set(numbers)) != len(numbers):
            twice = next(n for n in numbers if numbers.count(n) > 1)
            raise Fault(f"esp-{direction} has sequence number {twice} more than once")
        if self.options.gaps or self.options.filtered or not numbers:
            return
        first = min(numbers) if self.options.ring else 1
        missing = sorted(set(range(first, max(numbers) + 1)) - set(numbers))
        if missing:
            raise Fault(f"esp-{direction} lacks {len(missing)} sequence numbers, "
                        f"from {missing[0]}")

    def end_lines(self, trace):
        """What the plugin logged at the end of a trace, CONN/NAME."""
        return re.findall(rf"trace \S*/{re.escape(trace)} of .* ended: (.*)", self.log)

    def early(self, trace):
        """Packets of a trace that arrived before the SA was installed, says charon.log."""
        found = re.search(r"esp-in [^;]*, (\d+) arrived before the SA was installed",
                          "".join(self.end_lines(trace)))
        return int(found[1]) if found else 0

    def lost_collision(self, trace):
        """Did charon only ever establish the inbound SA of a CHILD_SA, as it lost a rekey
        collision?"""
        child = re.search(rf"trace \S*/{re.escape(trace)} of CHILD_SA (\S+) ended: ", self.log)[1]
        established = f"bound CHILD_SA {re.escape(child)} established"
        return re.search(f"in{established}", self.log) and \
            not re.search(f"out{established}", self.log)

    def late(self, trace, point):
        """Packets of a trace that passed a capture point when the SA was gone, or about to go,
        says charon.log that the SA did not process them: none if that is not allowed."""
        found = re.search(rf"{point} [^;]*, (\d+) more than the SA processed",
                          "".join(self.end_lines(trace)))
        return int(found[1]) if found and self.options.late else 0

    def check_end(self, trace, kind, packets):
        """Checks the line that the plugin logs at the end of a trace."""
        if self.options.killed:
            return
        lines = self.end_lines(trace)
        if len(lines) != 1:
            raise Fault(f"charon.log has {len(lines)} lines on the end of the "
                        f"{kind} trace")
        for direction in DIRECTIONS:
            found = re.search(rf"{kind}-{direction} (?P<packets>\d+) packets (?P<bytes>\d+) bytes "
                              r"(?P<lost>\d+) lost( \([^)]*\))?( (?P<filtered>\d+) filtered)?"
                              r"( (?P<beyond>\d+) beyond the limit)?"
                              r"( of (?P<sa>\d+) by the SA(, (?P<around>\d+) more that it may have "
                              r"processed)?|(?P<gone>, count of the SA not known, "
                              r"it was gone from the kernel)|(?P<absent>, the SA was never "
                              r"installed))?", lines[0])
            if not found:
                raise Fault(f"charon.log lacks {kind}-{direction}")
            if int(found["lost"]) and not self.options.full:
                raise Fault(f"{kind}-{direction} lost {found['lost']} packets, says charon.log")
            here = len(packets[direction]), sum(packet.length for packet in packets[direction])
            there = int(found["packets"]), int(found["bytes"])
            if here != there and not self.options.ring:
                raise Fault(f"{kind}-{direction} has {here[0]} packets of {here[1]} bytes, "
                            f"charon.log has {there[0]} of {there[1]}")
            # segments are counted by the SA, large packets are in the trace
            if self.counted(kind, direction) and "segments of" not in lines[0]:
                if found["absent"] and here == (0, 0) and direction == "out" and \
                   self.lost_collision(trace):
                    continue
                self.check_end_sa(f"{kind}-{direction}", found,
                                  self.early(trace) + self.late(trace, "esp-in")
                                  if (kind, direction) == ("esp", "in") else 0)

    def counted(self, kind, direction):
        """Are the packets of a trace those that the SA counted?  Those in the clear need not be
        where ESP is captured as well: they are compared to that."""
        points = self.options.points
        return kind != "ike" and f"{kind}-{direction}" in points and \
            (kind == "esp" or f"esp-{direction}" not in points)

    def check_end_sa(self, point, found, others):
        """Checks that all packets that the SA counted are there, besides others, in the line
        that the plugin logs at the end of a trace."""
        if found["sa"] is None:
            # of an SA that was up already nobody knows
            if self.options.gaps or self.options.gone and found["gone"]:
                return
            raise Fault(f"charon.log lacks how many packets the SA of {point} had")
        logged = sum(int(found[kind] or 0) for kind in ("packets", "lost", "filtered", "beyond"))
        if int(found["sa"]) + int(found["around"] or 0) != logged - others:
            raise Fault(f"{point} has {found['packets']} packets, says charon.log, of "
                        f"{found['sa']} by the SA")

    def check_counters(self, kind, spi, packets):
        """Compares packets in the clear to the counters of the SAs that were there at the end
        of the test, known by the inbound SPI."""
        if self.options.ring or self.options.end_missing or self.options.filtered:
            return
        for direction in DIRECTIONS:
            counted = self.sas.get((direction, spi))
            if not counted or f"{kind}-{direction}" not in self.options.points:
                continue
            here = len(packets[direction])
            if counted.packets != here and not (self.options.more and counted.packets < here):
                raise Fault(f"{kind}-{direction} has {here} packets, "
                            f"the SA counted {counted.packets}")
            size = sum(len(packet.data or b"") for packet in packets[direction])
            if counted.packets == here and counted.size not in (None, size):
                raise Fault(f"{kind}-{direction} has {size} bytes in the clear, "
                            f"the SA counted {counted.size}")

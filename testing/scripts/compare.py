"""Compares the packets in ESP or AH to those in the clear, one by one."""

import collections

from packets import DIRECTIONS, Fault, finish, fragment, reassemble, segments

REMARKS = {
    "unfinished": "with checksums to be finished",
    "large": "before segmentation",
    "overtaking": "overtaking another",
    "refused": "too big for the SA",
    "fragments": "of the directions in other fragments",
}


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
        # those before this place may be missing elsewhere, and hold up none
        self.start = 0
        self.places = {}
        for place, packet in enumerate(packets):
            self.places.setdefault(packet.data, []).append(place)

    def first(self):
        """The next packet, None at the end."""
        return self.packets[self.head] if self.head < len(self.packets) else None

    def left(self, begin=0):
        """Packets that were not taken, from a place on."""
        return [packet for packet, taken in zip(self.packets[begin:], self.taken[begin:])
                if not taken]

    def may_overtake(self, place):
        """Whether a packet may come before all that are not taken, and were seen before it."""
        late = self.packets[place]
        begin = max(self.head, self.start)
        return all(packet.outer.group != late.outer.group or
                   abs(packet.time - late.time) <= self.CLOSE
                   for packet, taken in zip(self.packets[begin:place],
                                            self.taken[begin:place])
                   if not taken)

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
        overtook = not all(self.taken[max(self.head, self.start):place])
        self.taken[place] = True
        while self.head < len(self.packets) and self.taken[self.head]:
            self.head += 1
        return overtook

    def skip(self, data):
        """Skips what is before a packet, wherever it is."""
        while self.first() and self.match(data, False) is None:
            self.take(self.head)

    def match(self, data, take=True):
        """Takes the packets that a captured one is equal to: remarks on it, None if there are
        none."""
        finished, unfinished = finish(data)
        for packet, remark in ((data, ""), (finished, "unfinished" if unfinished else "")):
            place = self.find(packet)
            if place is not None:
                overtook = take and self.take(place)
                return {remark, "overtaking" if overtook else ""} - {""}
        for place in self.next():
            parts = segments(data, self.packets[place].data)
            if parts and parts[0] == self.packets[place].data and \
               all(self.find(part) is not None for part in parts):
                # the sum, as all have to be taken
                overtook = take and sum(self.take(self.find(part)) for part in parts)
                return {"large", "unfinished" if unfinished else "",
                        "overtaking" if overtook else ""} - {""}
        return None


def difference(direction, number, packet, other):
    """Describes the first difference."""
    what = f"packet {number} of plain-{direction}"
    if not other:
        return f"{what} is not in the esp trace"
    position = next((i for i, (a, b) in enumerate(zip(packet.data, other.data)) if a != b),
                    min(len(packet.data), len(other.data)))
    return (f"{what} ({len(packet.data)} bytes) differs at byte {position} from the "
            f"decrypted one ({len(other.data)} bytes) with sequence number {other.sequence}")


class Comparison:
    """Compares decrypted packets to captured plaintext, with the options of check-traces."""

    def __init__(self, options):
        self.options = options
        self.counts = collections.Counter()

    def compare(self, inner, plain):
        """Compares both directions, describes it."""
        for direction in DIRECTIONS:
            if not {f"esp-{direction}", f"plain-{direction}"} <= self.options.points:
                continue
            packets = [packet for packet in inner[direction] if not packet.dummy]
            before = self.counts.copy()
            try:
                self.compare_direction(direction, Queue(packets), plain[direction])
            except Fault:
                self.counts = before
                # one side of the capture points may see whole what the other has in fragments
                if not any(packet.data and fragment(packet.data) for packet in packets):
                    raise
                self.compare_direction(direction, Queue(reassemble(packets)),
                                       reassemble(plain[direction]))
                self.counts["fragments"] += 1
        return ", ".join([
            f"equal to plain-in {len(plain['in'])}", f"plain-out {len(plain['out'])}",
            *(f"{self.counts[name]} {text}" for name, text in REMARKS.items()
              if self.counts[name])])

    def compare_direction(self, direction, queue, packets):
        """Compares packets of a direction."""
        if any(packet.data is None for packet in queue.packets):
            if len(packets) != len(queue.packets):
                raise Fault(f"esp-{direction} has {len(queue.packets)} packets, "
                            f"plain-{direction} {len(packets)}")
            return
        if self.options.filtered and not queue.packets:
            return
        begun = not self.options.ring
        largest = max((len(packet.data) for packet in queue.packets), default=0)
        for number, packet in enumerate(packets, 1):
            if self.options.filtered:
                queue.skip(packet.data)
            if not begun:
                # the beginning of either may be missing, up to the first one that both have
                rest = Queue(queue.packets)
                rest.skip(packet.data)
                if not rest.first():
                    continue
                queue = rest
                queue.start = queue.find(packet.data) or 0
            found = queue.match(packet.data)
            if found is None:
                if self.options.end_missing and not queue.first():
                    return
                if direction == "out" and len(packet.data) > largest > 0:
                    # refused behind the capture point, the sender has to send less
                    self.counts["refused"] += 1
                    continue
                raise Fault(difference(direction, number, packet, queue.first()))
            begun = True
            self.counts.update(found)
        if not self.options.filtered:
            self.check_left(direction, queue, queue.left(queue.start), bool(packets))

    def check_left(self, direction, queue, left, begun):
        """Checks that no decrypted packets are left over."""
        # the end may be missing, but not what is before it
        taken = [packet.time for packet, taken in zip(queue.packets, queue.taken) if taken]
        if self.options.end_missing and begun and \
           all(packet.time >= time - Queue.CLOSE for packet in left for time in taken):
            return
        if left:
            raise Fault(f"{len(left)} decrypted packets of esp-{direction} are not in the plain "
                        f"trace, the first one has sequence number {left[0].sequence}")

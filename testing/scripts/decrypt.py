"""Decrypts the packets of traces, by Wireshark with the key tables next to them and by
nflog-capture."""

import collections
import os
import re
import subprocess
import tempfile
import zlib

from packets import DIRECTIONS, Fault, congestion, header, ip_length, with_length
from pcap import read_decrypted

IPCOMP = 108
# exchange type (RFC 9242)
IKE_INTERMEDIATE = "43"
# what Wireshark 4.0 says of columns and names that later releases have
LATER = re.compile(r"More fields than required|invalid value: ChaCha20 with Poly1305")
Row = collections.namedtuple("Row", "spi sequence good bad content ah_spi ah_sequence")
ESP_FIELDS = ("esp.spi", "esp.sequence", "esp.icv_good", "esp.icv_bad", "esp.decrypted_data",
              "ah.spi", "ah.sequence")
IKE_FIELDS = ("isakmp.version", "isakmp.exchangetype", "isakmp.flags", "isakmp.enc.decrypted",
              "isakmp.enc.contained", "isakmp.typepayload",
              "isakmp.ikev2.integrity_checksum", "_ws.malformed")


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
    last, following, length = 6, outer[6], 40
    while following in (0, 43, 60):
        last, following, length = length, outer[length], length + (outer[length + 1] + 1) * 8
    head = outer[:last] + bytes([protocol]) + outer[last + 1:length]
    return with_length(head + content)


def without_addresses(data):
    """A packet without what the SA has of its header in BEET mode."""
    if data[0] >> 4 == 4:
        return data[:10] + bytes(10) + data[20:]
    return data[:8] + bytes(32) + data[40:]


def authenticated(what, row, possible):
    """Whether Wireshark authenticated an ESP packet, which has to be so where it's possible."""
    if not row.content:
        raise Fault(f"{what} is not decrypted")
    if row.bad in ("1", "True") and possible:
        raise Fault(f"{what} has a bad ICV")
    if row.good in ("1", "True"):
        return True
    if possible:
        raise Fault(f"{what} is not authenticated")
    return False


class Decrypter:
    """Decrypts the traces in the directory of a connection.

    Files are (number, name). PROGRAM is nflog-capture, or None."""

    def __init__(self, path, program):
        self.path = path
        self.program = program

    def tshark(self, files, fields, count):
        """Fields of all packets in the files, a list of strings for each of them."""
        rows = []
        for _, file in sorted(files):
            rows += self.run_tshark(os.path.join(self.path, file), fields)
        if len(rows) != count:
            raise Fault(f"tshark shows {len(rows)} of {count} packets")
        return rows

    def run_tshark(self, file, fields):
        """Fields of all packets in a file."""
        command = ["tshark", "-n", "-r", file, "-T", "fields", "-E", "occurrence=f"]
        for field in fields:
            command += ["-e", field]
        with tempfile.TemporaryDirectory() as home:
            environment = {**os.environ, "HOME": home, "WIRESHARK_CONFIG_DIR": self.path}
            result = subprocess.run(command, capture_output=True, text=True, check=False,
                                    env=environment)
        errors = [line for line in result.stderr.splitlines()
                  if line and not LATER.search(line) and not line.startswith("Running as user")]
        if result.returncode or errors:
            raise Fault(f"tshark complains about {os.path.basename(file)}: "
                        f"{' '.join(errors) or result.returncode}")
        return [line.split("\t") for line in result.stdout.splitlines()]

    def unchecked(self):
        """SPIs whose integrity Wireshark can't check with the rows it has."""
        spis = set()
        try:
            with open(os.path.join(self.path, "esp_sa"), encoding="utf-8") as file:
                for line in file:
                    columns = re.findall(r'"([^"]*)"', line)
                    # 4.0 knows no extended sequence numbers
                    if len(columns) >= 8 and (columns[6].startswith("ANY ") or
                                              "64-bit" in columns[8:]):
                        spis.add(int(columns[3], 16))
        except FileNotFoundError:
            pass
        return spis

    def run_program(self, files, output):
        """What nflog-capture prints of the files of a trace."""
        files = [os.path.join(self.path, file) for _, file in sorted(files)]
        result = subprocess.run([*self.program, "decrypt", "-o", output, *files],
                                capture_output=True, text=True, check=False)
        return (result.stdout + result.stderr).strip()

    def decrypt_otherwise(self, files, count):
        """Packets as nflog-capture decrypts them, for all of which ICVs have to be right."""
        if not self.program or not count:
            return [None] * count
        with tempfile.TemporaryDirectory() as folder:
            output = os.path.join(folder, "decrypted.pcapng")
            printed = self.run_program(files, output)
            if not re.search(rf"\b{count} packets, {count} decrypted, {count} ICV good", printed):
                raise Fault(f"nflog-capture decrypt printed {printed}")
            packets = read_decrypted(output)
        if len(packets) != count or None in packets:
            raise Fault("nflog-capture decrypt has not written all packets")
        return packets

    def decrypt(self, files, packets, direction_of, counted):
        """Decrypted packets of each direction, and how many Wireshark authenticated.

        direction_of() returns the direction of a packet by its SPI, counted has what is
        known of the SA of each direction."""
        inner = {direction: [] for direction in DIRECTIONS}
        checked = 0
        rows = self.tshark(files, ESP_FIELDS, len(packets))
        unchecked = self.unchecked()
        others = self.decrypt_otherwise(files, len(packets))
        for number, (packet, row, other) in enumerate(zip(packets, rows, others), 1):
            row = Row(*row)
            spi, sequence = row.spi or row.ah_spi, row.sequence or row.ah_sequence
            what = f"{'AH' if row.ah_spi else 'ESP'} packet {number} (SPI {spi or 'none'}, " \
                   f"sequence number {sequence or 'none'})"
            if packet.length != len(packet.data):
                raise Fault(f"{what} is cut")
            if not spi:
                raise Fault(f"{what} is no ESP or AH packet")
            direction = direction_of(what, packet, int(spi, 16))
            sequence, known = int(sequence), counted[direction]
            if not row.ah_spi and not row.content and known and known.opaque:
                inner[direction].append(Opaque(packet, sequence, other))
                continue
            if row.ah_spi:
                clear = without_ah(packet.data)
            else:
                checked += authenticated(what, row, int(spi, 16) not in unchecked)
                clear = without_trailer(sequence, bytes.fromhex(row.content))
            inner[direction].append(Inner(packet, sequence, *clear, bool(known and known.beet)))
        return inner, checked

    def decrypt_ike(self, files, packets, opaque):
        """Decrypts the trace of an IKE_SA, all messages but those in the clear, describes it.

        Wireshark does not decrypt those of an opaque one, nor IKE_INTERMEDIATE messages that were
        encrypted with keys of an earlier key exchange (RFC 9370), as its table has one row for
        an IKE_SA."""
        opened, earlier, seen = 0, 0, set()
        rows = self.tshark(files, IKE_FIELDS, len(packets))
        for number, (packet, row) in enumerate(zip(packets, rows), 1):
            version, exchange, flags, decrypted, contained, payload, *faults = row
            if not version:
                raise Fault(f"packet {number} is no IKE message")
            if version.startswith("0x10"):
                # there are no such fields, and a retransmit has not the IV that Wireshark expects
                encrypted, decrypted = int(flags, 16) & 1, payload
                message = packet.data[header(packet.data)[0]:]
                if message in seen:
                    continue
                seen.add(message)
            else:
                encrypted = exchange != "34"
            if exchange == IKE_INTERMEDIATE and (any(faults) or not decrypted):
                earlier += 1
                continue
            if any(faults):
                raise Fault(f"IKE message {number} has a bad checksum, or content")
            if not encrypted or opaque and not decrypted:
                continue
            if not decrypted and not contained:
                raise Fault(f"IKE message {number} is not decrypted")
            opened += 1
        if not rows:
            raise Fault("has no IKE message")
        done = f"{len(rows)} IKE messages, {opened} decrypted"
        if opaque:
            done += " as Wireshark can not"
        if earlier:
            if not self.program:
                raise Fault(f"{earlier} IKE_INTERMEDIATE messages need nflog-capture")
            done += f", {earlier} have earlier keys"
        if self.program and (opened or opaque):
            done += f", {self.decrypt_ike_otherwise(files)} by nflog-capture"
        return done

    def decrypt_ike_otherwise(self, files):
        """How many IKE messages nflog-capture decrypts, for all of which ICVs have to be right."""
        with tempfile.TemporaryDirectory() as folder:
            printed = self.run_program(files, os.path.join(folder, "decrypted.pcapng"))
        found = re.search(r"IKE: (\d+) packets, (\d+) decrypted, (\d+) (ICV good|no ICV)$",
                          printed, re.M)
        if not found or not found[1] == found[2] == found[3]:
            raise Fault(f"nflog-capture decrypt printed {printed}")
        return found[1]

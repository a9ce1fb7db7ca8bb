"""Bytes as they stand on the wire."""

import ipaddress
import socket
import ssl
import struct

PROXY_V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def request(path="/", headers=(), method="GET", host="example.org", body=b""):
    """An HTTP/1.1 request. `headers` is a dictionary, or pairs when a name comes twice."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    if body:
        pairs.append(("Content-Length", str(len(body))))
    lines += [f"{name}: {value}" for name, value in pairs]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def proxy_v1(source, destination="192.0.2.1", source_port=4711, destination_port=443):
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {destination} {source_port} {destination_port}\r\n".encode()


def proxy_v2(source=None, destination=None, source_port=4711, destination_port=443, tlvs=b""):
    """Without a source: LOCAL."""
    if source is None:
        return PROXY_V2_SIGNATURE + struct.pack("!BBH", 0x20, 0, len(tlvs)) + tlvs
    source = ipaddress.ip_address(source)
    destination = ipaddress.ip_address(destination or ("192.0.2.1" if source.version == 4 else "2001:db8::1"))
    addresses = source.packed + destination.packed + struct.pack("!HH", source_port, destination_port)
    family = 0x11 if source.version == 4 else 0x21
    return PROXY_V2_SIGNATURE + struct.pack("!BBH", 0x21, family, len(addresses) + len(tlvs)) + addresses + tlvs


def tlv(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


def with_crc32c(source, flip=0):
    """A version 2 header with its own checksum in it; `flip` spoils that."""
    empty = proxy_v2(source, tlvs=tlv(0x03, b"\0\0\0\0"))
    return empty[:-4] + struct.pack("!I", crc32c(empty) ^ flip)


def crc32c(data):
    """Castagnoli's CRC (RFC 3720 appendix B.4), bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def ip4_prefix(address):
    return socket.inet_aton(address)


def client_hello(name=None, protocols=()):
    """What a real TLS client says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def hello_of(extensions, version=0x0301):
    """A ClientHello of our own with exactly these (number, bytes) extensions."""
    block = b"".join(struct.pack("!HH", number, len(body)) + body for number, body in extensions)
    body = struct.pack("!H", 0x0303) + bytes(32) + b"\0" + struct.pack("!HH", 2, 0x1301) + b"\1\0"
    body += struct.pack("!H", len(block)) + block
    handshake = b"\1" + struct.pack("!I", len(body))[1:] + body
    return b"\x16" + struct.pack("!HH", version, len(handshake)) + handshake


def sni_extension(*names):
    entries = b"".join(b"\0" + struct.pack("!H", len(name)) + name for name in names)
    return 0, struct.pack("!H", len(entries)) + entries


def alpn_extension(*protocols):
    entries = b"".join(bytes([len(protocol)]) + protocol for protocol in protocols)
    return 16, struct.pack("!H", len(entries)) + entries


def in_records(hello, size):
    """The same ClientHello cut into TLS records that carry `size` bytes each."""
    version, handshake = hello[1:3], hello[5:]
    pieces = (handshake[at:at + size] for at in range(0, len(handshake), size))
    return b"".join(b"\x16" + version + struct.pack("!H", len(piece)) + piece for piece in pieces)

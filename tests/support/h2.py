"""As much of HTTP/2 (RFC 9113) as sends one request with anything in its fields, which no library would send."""

from collections.abc import Iterable

Field = tuple[bytes, bytes]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS = 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def _string(raw: bytes) -> bytes:
    """A literal of HPACK (RFC 7541, 5.2), not Huffman coded, shorter than 254 bytes."""
    return (bytes((len(raw),)) if len(raw) < 127 else bytes((127, len(raw) - 127))) + raw


def request(fields: Iterable[Field], body: bytes) -> bytes:
    """A connection's beginning and its first stream: every field as a literal that is never indexed."""
    block = b"".join(b"\x10" + _string(name) + _string(value) for name, value in fields)
    sent = frame(HEADERS, END_HEADERS, 1, block) + frame(DATA, END_STREAM, 1, body)
    return PREFACE + frame(SETTINGS, 0, 0, b"") + sent


def ended(answer: bytes) -> bool:
    """Whether what came back of a connection says all there is to say of its first stream: an answer, a reset or the end."""
    while len(answer) >= 9:
        length, kind, flags = int.from_bytes(answer[:3], "big"), answer[3], answer[4]
        if kind in (RST_STREAM, GOAWAY) or (kind in (DATA, HEADERS) and flags & END_STREAM):
            return True
        answer = answer[9 + length :]
    return False

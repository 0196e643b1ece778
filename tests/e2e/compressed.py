"""compressed.py - what is in the compressed streams of some bytes, wherever in them they begin: gzip, zlib (git's objects), zstd, xz,
bzip2, and in those again. A tar file in one is plain text by then."""
import bz2
import lzma
import re
import subprocess
import zlib

MOST = 64 << 20  # of what comes out of one
PIECE = 64 << 10
DEPTH = 3  # a layer in an archive in a bundle
GZIP, ZSTD, XZ, BZIP2 = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"1AY&SY"
BEGIN = (GZIP, ZSTD, XZ, BZIP2, b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")  # the last four are zlib's


def by_python(data, at, reader):
    """What a stream that begins there holds, as far as it is one. In pieces: what is after its end isn't copied."""
    out, length = [], 0
    while at < len(data) and length < MOST and not reader.eof:
        piece, at = data[at:at + PIECE], at + PIECE
        try:
            while (piece or not getattr(reader, "needs_input", True)) and length < MOST and not reader.eof:
                out.append(reader.decompress(piece, MOST - length))
                length += len(out[-1])
                piece = getattr(reader, "unconsumed_tail", b"")
        except (zlib.error, lzma.LZMAError, OSError):
            break
    return b"".join(out)


def by_zstd(data, at):
    """Python has no zstd. Says nothing where the program isn't. First a piece with a whole block: most are none."""
    out = b""
    for most in (4 * PIECE, MOST):
        try:
            out = subprocess.run(["zstd", "-dcq"], input=data[at:at + most], capture_output=True, check=False, timeout=60).stdout
        except FileNotFoundError:
            return b""
        if not out:
            return b""
    return out[:MOST]


def stream(data, at, magic):
    """The content of the one stream that begins there."""
    if magic == ZSTD:
        return by_zstd(data, at)
    if magic == XZ:
        return by_python(data, at, lzma.LZMADecompressor())
    if magic == BZIP2:
        return by_python(data, max(at - len("BZh9"), 0), bz2.BZ2Decompressor())
    return by_python(data, at, zlib.decompressobj(31 if magic == GZIP else 15))


def places(data, word):
    """Where it stands: a search for each by itself is much quicker than one for all."""
    at = data.find(word)
    while at >= 0:
        yield at
        at = data.find(word, at + 1)


def contents(data, depth=DEPTH):
    """Yields what each compressed stream in `data` (bytes or a map of a file) holds, and those in it."""
    for magic in BEGIN:
        for at in places(data, magic):
            inner = stream(data, at, magic)
            if not inner:
                continue
            yield inner
            if depth > 1:
                yield from contents(inner, depth - 1)


def pack(path):
    """All objects of a repository that has this pack: deltas are put together by git itself."""
    place = re.fullmatch(r"(.*)/objects/pack/[^/]*\.pack", path)
    if place is None:
        return b""
    done = subprocess.run(["git", "-c", "safe.directory=*", "--git-dir", place[1], "cat-file", "--batch-all-objects", "--batch"],
                          capture_output=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    return done.stdout

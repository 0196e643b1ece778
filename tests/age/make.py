#!/usr/bin/env python3
"""make.py - age files, whole ones and broken ones, by code of its own: what base/age.c is tried on.

  make.py            writes vectors/ beside this file and ../fuzz/corpus/age

Needs python3-cryptography. The random numbers come from a seed, the name of the vector: made again, they are the same
bytes. What each vector is for stands in its first line; vectors/README.md says what the lines mean.
"""
import base64
import hashlib
import hmac
import os
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "vectors")
CORPUS = os.path.join(HERE, "..", "fuzz", "corpus", "age")
sys.path.insert(0, os.path.join(HERE, "..", "sops"))
sys.dont_write_bytecode = True
import make as sops  # noqa: E402  pylint: disable=wrong-import-position

VERSION = b"age-encryption.org/v1\n"
BEGIN, END = b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----END AGE ENCRYPTED FILE-----"
CHUNK, TAG, NONCE = 64 << 10, 16, 16
PLAIN = b"a secret of ours\n"
# What the messages say: each vector must be refused for its own reason.
NO_FILE = "it is no age file that can be read: "
RECIPIENT = NO_FILE + "a recipient of its header is malformed"
FIRST_LINE = NO_FILE + "its first line isn't age-encryption.org/v1"
CODE = NO_FILE + "the code at the end of its header is malformed"
NO_END = NO_FILE + "its header has no end"
PASSPHRASE_BESIDE = NO_FILE + "a passphrase beside recipients"
ALTERED_HEADER = "its header was altered since it was made"
ALTERED = "its content was cut or altered since it was made"
NO_CONTENT = "it ends where its content should begin"
NOT_OURS = "and none is that of"
ARMOR = "the age armor is broken: "
DIGITS, LAST_LINE = ARMOR + "a line is not 64 digits of base64", ARMOR + "its last line is missing"
BEHIND = ARMOR + "something stands behind its end"


def scalar(name):
    return hashlib.sha256(b"identity of age vectors: " + name).digest()


def identity(secret):
    return sops.bech32("age-secret-key-", secret).upper()


def public(secret):
    return sops.public(X25519PrivateKey.from_private_bytes(secret))


ME, OTHER, THIRD = scalar(b"me"), scalar(b"other"), scalar(b"third")


def b64(data):
    return sops.b64(data).encode()


def seal(key, nonce, data):
    return ChaCha20Poly1305(key).encrypt(nonce, data, b"")


# Stanzas: each takes the file's key and returns its lines.


def lines_of(data):
    """64 columns a line; the last one is shorter, and may be empty."""
    text = b64(data)
    return b"".join(text[i:i + 64] + b"\n" for i in range(0, len(text) + 1, 64))


def raw(text):
    return lambda key: text


def stanza(words, body):
    return raw(b"-> " + words + b"\n" + lines_of(body))


def to(secret=ME, kind=b"X25519", share=lambda s: s, words=lambda w: w, body=lines_of, file_key=lambda k: k):
    """To that identity's recipient. The functions change, in this order: the share before the key is derived, the file's
    key before it is wrapped, the words, and how the body is written."""
    def make(key):
        mine = X25519PrivateKey.from_private_bytes(sops.random(32))
        shown = share(sops.public(mine))
        try:
            shared = mine.exchange(X25519PublicKey.from_public_bytes(public(secret)))
            if shown != sops.public(mine):
                shared = X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(shown))
        except ValueError:  # a share of low order, or none of 32 bytes: what a reader that doesn't look would get
            shared = bytes(32)
        wrap = sops.hkdf(shared, shown + public(secret), b"age-encryption.org/v1/X25519")
        return b"-> " + words(kind + b" " + b64(shown)) + b"\n" + body(seal(wrap, bytes(12), file_key(key)))
    return make


def scrypt(key):
    salt = sops.random(16)
    wrap = hashlib.scrypt(b"passphrase", salt=b"age-encryption.org/v1/scrypt" + salt, n=1 << 10, r=8, p=1, dklen=32)
    return b"-> scrypt " + b64(salt) + b" 10\n" + lines_of(seal(wrap, bytes(12), key))


def random_stanza(words, n_share, n_body):
    """Of a kind that is never opened here: it looks as one does, and wraps nothing."""
    def make(key):
        del key
        return b"-> " + words + b" " + b64(sops.random(n_share)) + b"\n" + lines_of(sops.random(n_body))
    return make


# Files.


def chunks(key, nonce, plain, last_empty=False):
    key = sops.hkdf(key, nonce, b"payload")
    parts = [plain[i:i + CHUNK] for i in range(0, len(plain), CHUNK)] or [b""]
    parts += [b""] if last_empty else []
    return b"".join(seal(key, i.to_bytes(11, "big") + bytes([i == len(parts) - 1]), part) for i, part in enumerate(parts))


def age(*stanzas, plain=PLAIN, header=lambda h: h, mac=lambda m: m, end=lambda m: b" " + b64(m) + b"\n", payload=chunks):
    """A file. header changes what is signed, mac what it is signed with, end how that is written."""
    key = sops.random(16)
    text = header(VERSION + b"".join(make(key) for make in stanzas or [to()]) + b"---")
    code = mac(hmac.new(sops.hkdf(key, b"", b"header"), text, "sha256").digest())
    nonce = sops.random(NONCE)
    return text + end(code) + nonce + payload(key, nonce, plain)


def header_len(file):
    return file.index(b"\n", file.index(b"\n---") + 1) + 1


def armor(file, newline=b"\n", columns=64):
    text = base64.b64encode(file)
    lines = [text[i:i + columns] for i in range(0, len(text), columns)]
    return newline.join([BEGIN, *lines, END, b""])


def armor_lines(change, plain=PLAIN):
    """An armored file whose lines were changed."""
    lines = armor(age(plain=plain)).split(b"\n")
    change(lines)
    return b"\n".join(lines)


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def loose(text):
    """The last digit of base64 with a bit set that stands for nothing."""
    digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return text[:-1] + digits[digits.index(text[-1:]) | 1:][:1]


written = set()


def vector(name, about, make, expect="opened", message=None, keys=(ME,), plain=PLAIN):
    """Writes one. make  returns the file; called with the seed set."""
    sops.seed[0] = b"age: " + name.encode()
    file = make()
    assert name not in written and (expect == "opened") == (message is None)
    written.add(name)
    lines = ["about " + about, "expect " + expect]
    lines += [] if message is None else ["message " + message]
    lines += ["identity " + (key if isinstance(key, str) else identity(key)) for key in keys]
    lines += ["payload " + hashlib.sha256(plain).hexdigest()] if expect == "opened" else []
    with open(os.path.join(VECTORS, name), "wb") as f:
        f.write("\n".join(lines + ["file", ""]).encode() + file)


def broken(name, about, make, message, **more):
    vector(name, about, make, "broken", message, **more)


def refused(name, about, make, message, **more):
    vector(name, about, make, "refused", message, **more)


def recipients():
    vector("x25519", "one recipient", age)
    vector("x25519_first", "three recipients, ours first", lambda: age(to(), to(OTHER), to(THIRD)))
    vector("x25519_last", "three recipients, ours last", lambda: age(to(OTHER), to(THIRD), to()))
    vector("x25519_twice", "ours twice", lambda: age(to(), to()))
    vector("x25519_200", "two hundred recipients, ours last", lambda: age(*[stanza(b"more", b"")] * 199, to()))
    vector("identities", "three identities, the last one fits", age, keys=(OTHER, THIRD, ME))
    vector("identities_and_recipients", "two identities, both fit", lambda: age(to(OTHER), to()), keys=(ME, OTHER))
    vector("identity_lowercase", "an identity in lower case, which BIP 173 has as the same", age,
           keys=(identity(ME).lower(),))
    vector("share_high_bit", "the share's unused bit is set: part of the salt, not of the point",
           lambda: age(to(share=lambda s: s[:31] + bytes([s[31] | 0x80]))))
    refused("no_match", "to somebody else", lambda: age(to(OTHER)), "it is encrypted to 1 recipient, " + NOT_OURS)
    refused("no_match_many", "two identities, two recipients, none fits", lambda: age(to(OTHER), to(OTHER)),
            "it is encrypted to 2 recipients, " + NOT_OURS, keys=(ME, THIRD))
    refused("no_identity", "nothing to open it with", age, "there is no identity to decrypt it with", keys=())
    refused("file_key_altered", "the wrapped key is altered: nobody's", lambda: age(
        to(body=lambda b: lines_of(flip(b, 3)))), NOT_OURS)
    refused("file_key_tag_altered", "so is its tag", lambda: age(to(body=lambda b: lines_of(flip(b, 31)))), NOT_OURS)
    refused("share_of_another", "the share of another stanza", lambda: age(
        to(words=lambda w: b"X25519 " + b64(public(THIRD)))), NOT_OURS)
    vector("recipients_257", "more recipients than are read", lambda: age(*[stanza(b"more", b"")] * 256, to()), "limit",
           "it has more than 256 recipients")


def grease():
    vector("grease_before", "an unknown stanza before ours", lambda: age(stanza(b"a-grease x ~!@ 1", b"12345"), to()))
    vector("grease_behind", "an unknown stanza behind ours", lambda: age(to(), stanza(b"grease", b"\0" * 100)))
    vector("grease_empty", "one without a body", lambda: age(stanza(b"grease a", b""), to()))
    vector("grease_full_line", "a body of exactly one line, and the empty one behind it",
           lambda: age(stanza(b"grease a", b"\1" * 48), to()))
    vector("grease_long", "a body of many lines", lambda: age(stanza(b"grease a", b"\2" * 3000), to()))
    vector("grease_words", "many arguments", lambda: age(stanza(b"g" + b" w" * 300, b""), to()))
    vector("type_lowercase_beside", "x25519 is another type", lambda: age(to(OTHER, kind=b"x25519"), to()))
    refused("type_lowercase", "x25519 is another type", lambda: age(to(kind=b"x25519")), "recipients of type x25519")
    refused("type_longer", "X255190 is another type", lambda: age(to(kind=b"X255190")), "recipients of type X255190")
    for name, first in (("no_blank", b"->grease\n\n"), ("no_type", b"-> \n\n"), ("two_blanks", b"->  grease\n\n"),
                        ("two_blanks_behind", b"-> grease  a\n\n"), ("blank_at_end", b"-> grease \n\n"),
                        ("tab", b"-> grease\ta\n\n"), ("control", b"-> gr\x01ease\n\n"), ("not_ascii", b"-> gr\xc3\xa4\n\n"),
                        ("nul", b"-> grease \0\n\n"), ("arrow", b"=> grease\n\n"), ("crlf", b"-> grease\r\n\r\n"),
                        ("empty_line", b"-> grease\n\n\n"), ("no_last_line", b"-> grease\n" + b"A" * 64 + b"\n"),
                        ("line_long", b"-> grease\n" + b"A" * 68 + b"\n\n"), ("lines_short", b"-> grease\nAAAA\nAAAA\n"),
                        ("padded", b"-> grease\nAAA=\n"), ("one_digit", b"-> grease\nAAAAA\n"),
                        ("bad_digit", b"-> grease\nAA-A\n"), ("not_canonical", b"-> grease\nAAB\n"),
                        ("blank_in_body", b"-> grease\nAAAA \n")):
        broken("stanza_" + name, "an unknown stanza, and malformed", lambda first=first: age(raw(first), to()), RECIPIENT)


def kinds():
    refused("scrypt", "a passphrase (it is `passphrase`)", lambda: age(scrypt),
            "it is encrypted with a passphrase, and nobody is asked for one")
    refused("ssh_ed25519", "an ssh key", lambda: age(random_stanza(b"ssh-ed25519 Xyg06A", 32, 32)), "of type ssh-ed25519;")
    refused("ssh_rsa", "an ssh key", lambda: age(random_stanza(b"ssh-rsa", 4, 256)), "of type ssh-rsa;")
    refused("plugin", "a plug-in's", lambda: age(random_stanza(b"piv-p256 AAAAAA", 33, 32)), "of type piv-p256;")
    refused("post_quantum", "a hybrid recipient", lambda: age(random_stanza(b"mlkem768x25519", 1120, 32)),
            "of type mlkem768x25519;")
    refused("type_endless", "a type that no message should repeat whole", lambda: age(stanza(b"t" * 500, b"")),
            "of type " + "t" * 40 + ";")
    vector("ssh_beside", "an ssh key's beside ours", lambda: age(random_stanza(b"ssh-rsa", 4, 256), to()))
    broken("scrypt_before", "a passphrase must be alone", lambda: age(scrypt, to()), PASSPHRASE_BESIDE)
    broken("scrypt_behind", "a passphrase must be alone, also behind one that fits", lambda: age(to(), scrypt),
           PASSPHRASE_BESIDE)
    broken("scrypt_twice", "two passphrases", lambda: age(scrypt, scrypt), PASSPHRASE_BESIDE)


def header():
    for name, first in (("v2", b"age-encryption.org/v2\n"), ("v1_more", b"age-encryption.org/v10\n"),
                        ("blank", b"age-encryption.org/v1 \n"), ("crlf", b"age-encryption.org/v1\r\n"),
                        ("other", b"example.com/v1\n"), ("uppercase", b"AGE-encryption.org/v1\n"), ("none", b"")):
        broken("version_" + name, "another first line", lambda first=first: age(
            header=lambda h: first + h[len(VERSION):]), FIRST_LINE)
    broken("empty", "no byte at all", lambda: b"", FIRST_LINE)
    broken("no_recipients", "a header without a stanza", lambda: age(raw(b"")), NO_FILE + "its header names no recipient")
    broken("cut_first_line", "nothing behind the first line", lambda: VERSION, NO_END)
    broken("cut_recipient", "ends within a stanza", lambda: age()[:60], NO_END)
    broken("cut_body", "ends within a stanza's body", lambda: age()[:len(VERSION) + 60], RECIPIENT)
    broken("cut_code", "ends within the code", lambda: (f := age())[:header_len(f) - 9], NO_END)
    broken("cut_code_line", "ends just before the code's newline", lambda: (f := age())[:header_len(f) - 1], NO_END)
    broken("mac_altered", "another code", lambda: age(mac=lambda m: flip(m, 0)), ALTERED_HEADER)
    broken("mac_last_byte", "the last byte of the code", lambda: age(mac=lambda m: flip(m, 31)), ALTERED_HEADER)
    broken("mac_zero", "a code of zeros", lambda: age(mac=lambda m: bytes(32)), ALTERED_HEADER)
    broken("mac_of_another", "a stanza added to a signed header", lambda: age().replace(
        b"\n---", b"\n-> grease\n\n---", 1), ALTERED_HEADER)
    for name, end in (("none", lambda m: b"\n"), ("blank_only", lambda m: b" \n"), ("short", lambda m: b" " + b64(m[:31]) + b"\n"),
                      ("long", lambda m: b" " + b64(m + b"x") + b"\n"), ("padded", lambda m: b" " + b64(m) + b"=\n"),
                      ("no_blank", lambda m: b64(m) + b"\n"), ("two_blanks", lambda m: b"  " + b64(m) + b"\n"),
                      ("blank_at_end", lambda m: b" " + b64(m) + b" \n"), ("crlf", lambda m: b" " + b64(m) + b"\r\n"),
                      ("bad_digit", lambda m: b" -" + b64(m)[1:] + b"\n"), ("four_dashes", lambda m: b"- " + b64(m) + b"\n"),
                      ("not_canonical", lambda m: b" " + loose(b64(m)) + b"\n")):
        broken("mac_" + name, "a code that is malformed", lambda end=end: age(end=end), CODE)


def x25519():
    low = (b"\0" * 32, b"\1" + b"\0" * 31, bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"))
    for i, point in enumerate(low):
        broken(f"share_low_order_{i}", "a point of low order: whoever made it needs no key", lambda point=point: age(
            to(share=lambda s: point)), RECIPIENT)
    broken("share_long", "33 bytes", lambda: age(to(share=lambda s: s + b"x")), RECIPIENT)
    broken("share_short", "31 bytes", lambda: age(to(share=lambda s: s[:31])), RECIPIENT)
    for name, words in (("none", lambda w: b"X25519"), ("empty", lambda w: b"X25519 "), ("extra", lambda w: w + b" more"),
                        ("padded", lambda w: w + b"="), ("bad_digit", lambda w: w[:-1] + b"-"), ("not_canonical", loose),
                        ("blank_at_end", lambda w: w + b" ")):
        broken("share_" + name, "the stanza's words are malformed", lambda words=words: age(to(words=words)), RECIPIENT)
    for n in (15, 17, 64):
        broken(f"file_key_{n}", "a file key of another length", lambda n=n: age(
            to(file_key=lambda k: (k * 4)[:n])), RECIPIENT)
    for name, body in (("empty", lambda b: b"\n"), ("short", lambda b: lines_of(b[:31])), ("long", lambda b: lines_of(b + b"x")),
                       ("not_canonical", lambda b: loose(b64(b)) + b"\n"), ("padded", lambda b: b64(b) + b"=\n"),
                       ("crlf", lambda b: b64(b) + b"\r\n"), ("bad_digit", lambda b: b"_" + b64(b)[1:] + b"\n"),
                       ("two_lines", lambda b: b64(b)[:20] + b"\n" + b64(b)[20:] + b"\n"),
                       ("no_line", lambda b: b"")):
        broken("body_" + name, "the stanza's body is malformed", lambda body=body: age(to(body=body)), RECIPIENT)


def sized(length):
    """What an age() file must hold for its last line of armor to have that many of a line's 48 bytes."""
    return b"x" * ((length - len(age(plain=b""))) % 48)


def not_canonical_armor():
    """The last digit before the padding, with a bit set that stands for nothing."""
    text = armor(age(plain=sized(1)))
    at = text.index(b"==")
    return loose(text[:at]) + text[at:]


def armors():
    vector("armor", "in armor", lambda: armor(age()))
    vector("armor_crlf", "with CRLF", lambda: armor(age(), b"\r\n"))
    vector("armor_mixed", "with LF and CRLF", lambda: armor_lines(lambda a: a.__setitem__(1, a[1] + b"\r")))
    vector("armor_blank_around", "blanks and empty lines around it", lambda: b"\n \r\n\t" + armor(age()) + b"\n \t\r\n\n")
    vector("armor_no_newline", "no newline at its end", lambda: armor(age())[:-1])
    for n in (0, 1, 2, 46, 47):
        plain = sized(n)
        vector(f"armor_last_{n}", f"a last line of {n or 48} bytes", lambda plain=plain: armor(age(plain=plain)), plain=plain)
    cases = (("columns_60", lambda: armor(age(), columns=60), DIGITS), ("columns_68", lambda: armor(age(), columns=68), DIGITS),
             ("short_line", lambda: armor_lines(lambda a: a.__setitem__(slice(2, 3), [a[2][:32], a[2][32:]])), DIGITS),
             ("empty_line", lambda: armor_lines(lambda a: a.insert(2, b"")), DIGITS),
             ("empty_first", lambda: armor_lines(lambda a: a.insert(1, b"")), DIGITS),
             ("empty_last", lambda: armor_lines(lambda a: a.insert(-2, b"")), DIGITS),
             ("headers", lambda: armor_lines(lambda a: a.insert(1, b"Version: 1")), DIGITS),
             ("bad_digit", lambda: armor_lines(lambda a: a.__setitem__(1, b"-" + a[1][1:])), DIGITS),
             ("blank_at_end", lambda: armor_lines(lambda a: a.__setitem__(1, a[1] + b" ")), DIGITS),
             ("padding_within", lambda: armor_lines(lambda a: a.__setitem__(1, a[1][:-1] + b"=")), DIGITS),
             ("padding_missing", lambda: armor(age(plain=sized(1))).replace(b"==", b""), DIGITS),
             ("padding_only", lambda: armor_lines(lambda a: a.insert(-2, b"====")), DIGITS),
             ("missing_end", lambda: armor_lines(lambda a: a.__setitem__(slice(-2, None), [b""])), LAST_LINE),
             ("begin_only", lambda: BEGIN + b"\n", LAST_LINE), ("end_cut", lambda: armor(age())[:-2], DIGITS),
             ("end_of_other", lambda: armor(age()).replace(END, END.replace(b"FILE", b"MAIL")), DIGITS),
             ("begin_more", lambda: armor(age()).replace(BEGIN, BEGIN + b"x"), ARMOR + "its first line is another"),
             ("behind", lambda: armor(age()) + b"more\n", BEHIND), ("twice", lambda: armor(age()) * 2, BEHIND),
             ("behind_in_line", lambda: armor(age())[:-1] + b" x\n", DIGITS),
             ("before", lambda: b"more\n" + armor(age()), FIRST_LINE),
             ("before_in_line", lambda: b"x" + armor(age()), FIRST_LINE),
             ("lowercase", lambda: armor(age()).replace(BEGIN, BEGIN.lower()), FIRST_LINE),
             ("empty", lambda: BEGIN + b"\n" + END + b"\n", FIRST_LINE),
             ("in_armor", lambda: armor(armor(age())), FIRST_LINE),
             ("content_altered", lambda: armor(flip(f := age(), len(f) - 1)), ALTERED))
    for name, make, message in cases:
        broken("armor_" + name, "an armor that isn't one, or around something else", make, message)
    broken("armor_not_canonical", "bits behind the last byte", not_canonical_armor, DIGITS)


def payloads():
    big = bytes(CHUNK)
    vector("payload_empty", "nothing in it", lambda: age(plain=b""), plain=b"")
    vector("payload_64k", "exactly one whole chunk", lambda: age(plain=big), plain=big)
    vector("payload_64k_1", "a chunk and one byte", lambda: age(plain=big + b"x"), plain=big + b"x")
    vector("payload_128k", "exactly two whole chunks", lambda: age(plain=big + big), plain=big + big)
    broken("payload_last_empty", "a last chunk with nothing in it", lambda: age(
        plain=big, payload=lambda *a: chunks(*a, last_empty=True)), ALTERED)
    broken("payload_none", "nothing behind the header", lambda: (f := age())[:header_len(f)], NO_CONTENT)
    broken("payload_nonce_short", "half a nonce", lambda: (f := age())[:header_len(f) + 8], NO_CONTENT)
    broken("payload_nonce_only", "a nonce and no chunk", lambda: (f := age())[:header_len(f) + NONCE], ALTERED)
    broken("payload_nonce_altered", "another nonce", lambda: flip(f := age(), header_len(f)), ALTERED)
    broken("payload_cut", "its last byte is missing", lambda: age()[:-1], ALTERED)
    broken("payload_cut_tag", "less than a tag is left", lambda: (f := age(plain=b""))[:len(f) - 1], ALTERED)
    broken("payload_trailing", "a byte behind it", lambda: age() + b"x", ALTERED)
    broken("payload_twice", "its only chunk twice", lambda: (f := age()) + f[header_len(f) + NONCE:], ALTERED)
    broken("payload_altered", "a byte of the text is altered", lambda: flip(f := age(), len(f) - TAG - 1), ALTERED)
    broken("payload_tag_altered", "a byte of the tag is altered", lambda: flip(f := age(), len(f) - 1), ALTERED)
    broken("payload_not_last", "a chunk that isn't marked as the last", lambda: age(payload=lambda key, nonce, plain: seal(
        sops.hkdf(key, nonce, b"payload"), bytes(12), plain)), ALTERED)
    broken("payload_counts_from_1", "chunks that are numbered from one", lambda: age(payload=lambda key, nonce, plain: seal(
        sops.hkdf(key, nonce, b"payload"), bytes(10) + b"\1\1", plain)), ALTERED)
    broken("payload_other_key", "the content of another file", lambda: (f := age())[:header_len(f)] + (
        g := age())[header_len(g):], ALTERED)


def seeds():
    """What the fuzzer starts from: its identity is ours."""
    sops.seed[0] = b"age: seeds"
    files = {"two_recipients": age(to(OTHER), to()), "armor": armor(age()), "grease": age(stanza(b"g a b", b"\3" * 60), to()),
             "passphrase": age(scrypt), "identities": ("!# two of them\n\n" + identity(ME) + "\n" + identity(OTHER).lower()
                                                       + "\r\n").encode()}
    for name, data in files.items():
        with open(os.path.join(CORPUS, name), "wb") as f:
            f.write(data)


def main():
    for folder in (VECTORS, CORPUS):
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(folder):
            if name != "README.md":
                os.unlink(os.path.join(folder, name))
    for part in (recipients, grease, kinds, header, x25519, armors, payloads, seeds):
        part()


if __name__ == "__main__":
    main()

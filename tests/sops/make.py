#!/usr/bin/env python3
"""make.py - encrypts as SOPS with an age key does, by code of its own: what ours reads in tests.

  make.py KIND KEYFILE <plain >encrypted     KIND: yaml | json | dotenv | binary
  make.py vectors                            writes the files beside this one

Needs python3-cryptography. yaml and json take JSON as input. The random numbers come from a seed: the vectors can be made again.
Options by environment: SOPS_RULE="encrypted_regex=^data$", SOPS_MAC_ONLY=1.
"""
import base64
import hashlib
import hmac
import json
import os
import re
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DIGITS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
WHEN = "2026-01-02T03:04:05Z"
seed = [b"0"]


def random(n):
    """Not random: the same each time."""
    out = b""
    while len(out) < n:
        seed[0] = hashlib.sha256(seed[0]).digest()
        out += seed[0]
    return out[:n]


def polymod(values):
    gen, sum_ = (0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3), 1
    for v in values:
        top = sum_ >> 25
        sum_ = (sum_ & 0x1ffffff) << 5 ^ v
        for i in range(5):
            sum_ ^= gen[i] if top >> i & 1 else 0
    return sum_


def regroup(data, width, to):
    acc, bits, out = 0, 0, []
    for v in data:
        acc, bits = acc << width | v, bits + width
        while bits >= to:
            bits -= to
            out.append(acc >> bits & ((1 << to) - 1))
    return out, acc << (to - bits) & ((1 << to) - 1) if bits else None


def bech32(prefix, data):
    groups, rest = regroup(data, 8, 5)
    groups += [] if rest is None else [rest]
    high = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = polymod(high + groups + [0] * 6) ^ 1
    return prefix + "1" + "".join(DIGITS[g] for g in groups + [check >> 5 * (5 - i) & 31 for i in range(6)])


def scalar_of(keyfile):
    with open(keyfile, encoding="ascii") as f:
        word = [line.strip() for line in f if line.startswith("AGE-SECRET-KEY-1")][0].lower()
    return bytes(regroup([DIGITS.index(c) for c in word.rsplit("1", 1)[1][:-6]], 5, 8)[0])


def hkdf(secret, salt, info):
    return hmac.new(hmac.new(salt or b"\0" * 32, secret, "sha256").digest(), info + b"\1", "sha256").digest()


def b64(data):
    return base64.b64encode(data).decode().rstrip("=")


def public(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def age(data, recipient):
    """One chunk is enough for a key."""
    file_key, mine = random(16), X25519PrivateKey.from_private_bytes(random(32))
    shared = mine.exchange(X25519PublicKey.from_public_bytes(recipient))
    wrap = hkdf(shared, public(mine) + recipient, b"age-encryption.org/v1/X25519")
    header = ("age-encryption.org/v1\n-> X25519 " + b64(public(mine)) + "\n"
              + b64(ChaCha20Poly1305(wrap).encrypt(b"\0" * 12, file_key, b"")) + "\n---").encode()
    mac = hmac.new(hkdf(file_key, b"", b"header"), header, "sha256").digest()
    nonce = random(16)
    body = ChaCha20Poly1305(hkdf(file_key, nonce, b"payload")).encrypt(b"\0" * 11 + b"\1", data, b"")
    text = base64.b64encode(header + b" " + b64(mac).encode() + b"\n" + nonce + body).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN AGE ENCRYPTED FILE-----", *lines, "-----END AGE ENCRYPTED FILE-----", ""])


def plain_bytes(value):
    if isinstance(value, bool):
        return b"True" if value else b"False"
    if isinstance(value, float):
        return format(value, "f").rstrip("0").encode()
    return value if isinstance(value, bytes) else str(value).encode()


def closed(value, key, path):
    kind = {bool: "bool", int: "int", float: "float"}.get(type(value), "str")
    iv, plain = random(32), plain_bytes(value)
    if plain == b"":
        return ""
    text = AESGCM(key).encrypt(iv, plain, path.encode())
    parts = (text[:-16], iv, text[-16:])
    return "ENC[AES256_GCM,data:%s,iv:%s,tag:%s,type:%s]" % (*(base64.b64encode(p).decode() for p in parts), kind)


def rule():
    name, _, text = os.environ.get("SOPS_RULE", "unencrypted_suffix=_unencrypted").partition("=")
    return name, text


def wanted(path):
    name, text = rule()
    found = any(k.endswith(text) if "suffix" in name else re.search(text, k) for k in path)
    return found == name.startswith("encrypted")


def encrypt(tree, key, mac, path=()):
    only = "SOPS_MAC_ONLY" in os.environ
    if isinstance(tree, dict):
        return {k: encrypt(v, key, mac, path + (k,)) for k, v in tree.items()}
    if isinstance(tree, list):
        return [encrypt(v, key, mac, path) for v in tree]
    if tree is None:
        return None
    if not only or wanted(path):
        mac.update(plain_bytes(tree))
    return closed(tree, key, ":".join(path) + ":") if wanted(path) else tree


def yaml(node, indent=0):
    pad, out = " " * indent, ""
    for key, value in node.items():
        if isinstance(value, dict):
            out += f"{pad}{key}:\n" + yaml(value, indent + 4)
        elif isinstance(value, list):
            out += f"{pad}{key}:\n"
            for item in value:
                text = yaml(item, indent + 6).lstrip() if isinstance(item, dict) else word(item) + "\n"
                out += f"{pad}    - {text}"
        elif isinstance(value, str) and "\n" in value:
            out += f"{pad}{key}: |\n" + "".join(f"{pad}    {line}\n" for line in value.splitlines())
        else:
            out += f"{pad}{key}: {word(value)}\n"
    return out


def word(value):
    return value if isinstance(value, str) and value.startswith("ENC[") else json.dumps(value)


def sops(kind, plain, keyfile):
    recipient = public(X25519PrivateKey.from_private_bytes(scalar_of(keyfile)))
    key, mac = random(32), hashlib.sha512()
    if "SOPS_MAC_ONLY" in os.environ:
        mac.update(hashlib.sha256(b"sops").digest())
    if kind == "dotenv":
        lines = [line.partition("=") for line in plain.decode().splitlines() if line]
        tree = {k: v.replace("\\n", "\n") for k, _, v in lines if not k.startswith("#")}
    else:
        tree = {"data": plain} if kind == "binary" else json.loads(plain)
    tree = encrypt(tree, key, mac)
    own = {"age": [{"recipient": bech32("age", recipient), "enc": age(key, recipient)}], "lastmodified": WHEN,
           "mac": closed(mac.hexdigest().upper(), key, WHEN), rule()[0]: rule()[1], "version": "3.9.0"}
    if "SOPS_MAC_ONLY" in os.environ:
        own["mac_only_encrypted"] = True
    if kind == "dotenv":
        flat = {"sops_" + k: v for k, v in own.items() if k != "age"}
        flat.update({"sops_age__list_0__map_" + k: v for k, v in own["age"][0].items()})
        flat = {k: "true" if v is True else v.replace("\n", "\\n") for k, v in flat.items()}
        return "".join(f"{k}={v}\n" for k, v in {**tree, **flat}.items())
    tree["sops"] = own
    return yaml(tree) if kind == "yaml" else json.dumps(tree, indent="\t") + "\n"


TREE = json.dumps({"user": "app", "port": 5432, "ratio": 0.25, "on": True, "off": False, "none": None, "empty": "",
                   "list": ["one", "two: #3", 4], "deep": {"er": {"password": "hunter2 $x \"q\"\nline"}},
                   "note_unencrypted": "seen by all", "n_unencrypted": 7}).encode()
VECTORS = (("tree.yaml", "yaml", TREE, {}), ("tree.json", "json", TREE, {}),
           ("app.env", "dotenv", b"# c\nUSER=app\nPASS=a$b \"c\" 'd' # e\nLINES=one\\ntwo\nEMPTY=\nX_unencrypted=seen\n", {}),
           ("blob", "binary", b"\0\1\2bytes\xff\n\0", {}),
           ("regex.yaml", "yaml", TREE, {"SOPS_RULE": "encrypted_regex=^(deep|list)$"}),
           ("suffix.yaml", "yaml", json.dumps({"a_enc": "x", "b": "y"}).encode(), {"SOPS_RULE": "encrypted_suffix=_enc"}),
           ("maconly.yaml", "yaml", TREE, {"SOPS_MAC_ONLY": "1"}))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.argv[1] != "vectors":
        seed[0] = os.urandom(32)
        sys.stdout.write(sops(sys.argv[1], sys.stdin.buffer.read(), sys.argv[2]))
        return
    for name, kind, plain, env in VECTORS:
        os.environ.update(env)
        seed[0] = name.encode()
        with open(os.path.join(here, name), "w", encoding="utf-8") as f:
            f.write(sops(kind, plain, os.path.join(here, "key.txt")))
        for key in env:
            del os.environ[key]


if __name__ == "__main__":
    main()

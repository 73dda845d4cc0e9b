"""encrypt() and decrypt() of crypto.subtle: AES in three modes, and RSA-OAEP."""

from __future__ import annotations

from typing import Any

from fastbench.script.k6.webcrypto.subtle_values import (
    Algorithm,
    Failure,
    Key,
    hash_object,
    library,
    primitives,
    private_key,
    public_key,
    raw,
    wanted,
    whole,
)

NAMES = ("AES-CBC", "AES-CTR", "AES-GCM", "RSA-OAEP")
_BLOCK_BYTES = 16
_TAG_BITS = (32, 64, 96, 104, 112, 120, 128)


def run(name: str, algorithm: Algorithm, key: Key, data: bytes, encrypts: bool) -> bytes:
    """Encrypt or decrypt; raises Failure."""
    if name == "RSA-OAEP":
        return _rsa(algorithm, key, data, encrypts)
    if name == "AES-CTR":
        return _ctr(algorithm, key, data)
    if name == "AES-CBC":
        return _cbc(algorithm, key, data, encrypts)
    return _gcm(algorithm, key, data, encrypts)


def _cipher(key: Key, mode: Any) -> Any:
    ciphers = primitives("ciphers")
    return ciphers.Cipher(primitives("ciphers.algorithms").AES(key["handle"]), mode)


def _block(algorithm: Algorithm, name: str) -> bytes:
    found = raw(algorithm, name)
    if len(found) != _BLOCK_BYTES:
        raise Failure("OperationError", f"{name} has {len(found)} bytes instead of 16")
    return found


def _cbc(algorithm: Algorithm, key: Key, data: bytes, encrypts: bool) -> bytes:
    cipher = _cipher(key, primitives("ciphers.modes").CBC(_block(algorithm, "iv")))
    padding = primitives("padding").PKCS7(8 * _BLOCK_BYTES)
    if encrypts:
        padder, encryptor = padding.padder(), cipher.encryptor()
        padded = padder.update(data) + padder.finalize()
        return bytes(encryptor.update(padded) + encryptor.finalize())
    decryptor, unpadder = cipher.decryptor(), padding.unpadder()
    try:
        padded = decryptor.update(data) + decryptor.finalize()
        return bytes(unpadder.update(padded) + unpadder.finalize())
    except ValueError:
        raise Failure("OperationError", "the data cannot be decrypted: invalid padding") from None


def _ctr(algorithm: Algorithm, key: Key, data: bytes) -> bytes:
    """Both ways are the same. Only the last `length` bits of the counter count."""
    counter, length = _block(algorithm, "counter"), whole(algorithm, "length")
    if not 1 <= length <= 128:
        raise Failure("OperationError", "length of the counter is 1 to 128 bits")
    blocks = -(-len(data) // _BLOCK_BYTES)
    if blocks > 1 << length:
        raise Failure("OperationError", f"the data is too long for a counter of {length} bits")
    start = int.from_bytes(counter)
    left = (1 << length) - start % (1 << length)  # blocks until the counter begins again at 0
    split = left * _BLOCK_BYTES
    again = (start >> length << length).to_bytes(_BLOCK_BYTES)
    modes, found = primitives("ciphers.modes"), b""
    for first, part in ((counter, data[:split]), (again, data[split:])):
        if part:
            encryptor = _cipher(key, modes.CTR(first)).encryptor()
            found += encryptor.update(part) + encryptor.finalize()
    return found


def _gcm(algorithm: Algorithm, key: Key, data: bytes, encrypts: bool) -> bytes:
    iv = raw(algorithm, "iv")
    more = b"" if algorithm.get("additionalData") is None else raw(algorithm, "additionalData")
    bits = 128 if algorithm.get("tagLength") is None else whole(algorithm, "tagLength")
    if bits not in _TAG_BITS:
        raise Failure("OperationError", f"tagLength is one of {', '.join(map(str, _TAG_BITS))}")
    if not 8 <= len(iv) <= 128:
        raise Failure("NotSupportedError", f"iv has {len(iv)} bytes; 12 are usual, 8 to 128 work")
    size, modes = bits // 8, primitives("ciphers.modes")
    if encrypts:
        encryptor = _cipher(key, modes.GCM(iv)).encryptor()
        encryptor.authenticate_additional_data(more)
        sealed = encryptor.update(data) + encryptor.finalize()
        return bytes(sealed + encryptor.tag[:size])
    if len(data) < size:
        raise Failure("OperationError", "the data is shorter than its tag")
    tag = data[len(data) - size :]
    decryptor = _cipher(key, modes.GCM(iv, tag, min_tag_length=size)).decryptor()
    decryptor.authenticate_additional_data(more)
    try:
        return bytes(decryptor.update(data[: len(data) - size]) + decryptor.finalize())
    except library("exceptions").InvalidTag:
        raise Failure("OperationError", "the data cannot be decrypted: wrong tag") from None


def _rsa(algorithm: Algorithm, key: Key, data: bytes, encrypts: bool) -> bytes:
    wanted(key, "public" if encrypts else "private")
    padding = primitives("asymmetric.padding")
    used = hash_object(key["algorithm"]["hash"]["name"])
    label = None if algorithm.get("label") is None else raw(algorithm, "label")
    oaep = padding.OAEP(padding.MGF1(used), used, label)
    try:
        if encrypts:
            return bytes(public_key(key["handle"]).encrypt(data, oaep))
        return bytes(private_key(key["handle"]).decrypt(data, oaep))
    except ValueError:
        done = "encrypted: it is too long for the key" if encrypts else "decrypted"
        raise Failure("OperationError", f"the data cannot be {done}") from None

"""Keys on the curve P-256: PEM in, PEM and JWK out; a key is named by its thumbprint."""

import base64
import hashlib
import json
import re

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

_PUBLIC_BLOCK = re.compile(r"-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----\s*")


class KeyInvalid(ValueError):
    """The text holds no usable key: PEM, unencrypted, elliptic curve P-256. It is not repeated."""


def generate_private_pem() -> str:
    """Return a new private key as PEM (PKCS 8)."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def load_private(pem: str) -> ec.EllipticCurvePrivateKey:
    """Read one private key. Raises KeyInvalid."""
    try:
        key = load_pem_private_key(_unescaped(pem).encode(), password=None)
    except (ValueError, TypeError) as error:
        raise KeyInvalid("expected a PEM block with an unencrypted private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyInvalid("expected a key on the curve P-256")
    return key


def load_public(pems: str) -> list[ec.EllipticCurvePublicKey]:
    """Read one or more public keys, one PEM block after another. Raises KeyInvalid."""
    pems = _unescaped(pems)
    blocks = _PUBLIC_BLOCK.findall(pems)
    if not blocks or _PUBLIC_BLOCK.sub("", pems):
        raise KeyInvalid("expected PEM blocks that begin with -----BEGIN PUBLIC KEY-----")
    return [_load_block(block) for block in blocks]


def public_pem(key: ec.EllipticCurvePublicKey) -> str:
    """Return `key` as one PEM block."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """Return the required members of the JWK (RFC 7518 section 6.2.1), in the order of their names."""
    numbers = key.public_numbers()
    x, y = (_base64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """Return the name of `key` (RFC 7638): SHA-256 over its JWK without spaces."""
    return _base64url(hashlib.sha256(json.dumps(jwk(key), separators=(",", ":")).encode()).digest())


def _load_block(pem: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise KeyInvalid("expected a PEM block with a public key") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyInvalid("expected a key on the curve P-256")
    return key


def _unescaped(pem: str) -> str:
    # Files of environment variables hold no line breaks; PEM holds no backslash.
    return pem.replace("\\n", "\n").strip()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

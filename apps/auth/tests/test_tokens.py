"""The token door: what it issues it reads, and whatever is hostile ends in TokenInvalid."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from jose import jws  # noqa: TID251 - only the library itself can make tokens that the door never would

from apps.auth.tokens import (
    ACTIVATION,
    RECEIPT,
    RESET,
    SESSION,
    KeyInvalid,
    PublicKeys,
    SigningKey,
    TokenExpired,
    TokenInvalid,
    generate_private_pem,
    issue,
    new_token_id,
    read,
)

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PEM = generate_private_pem()
KEY = SigningKey.from_pem(PEM)
KEYS = KEY.public_keys()
OTHER = SigningKey.from_pem(generate_private_pem())
PURPOSES = (ACTIVATION, SESSION, RECEIPT, RESET)
CLAIMS: dict[str, Any] = {
    "iss": SESSION.issuer,
    "aud": SESSION.audience,
    "sub": "42",
    "iat": int(NOW.timestamp()),
    "exp": int((NOW + HOUR).timestamp()),
    "jti": "token-1",
    "email": "zoe@example.org",
    "pwv": 3,
}
HEADER = {"alg": "ES256", "typ": SESSION.typ, "kid": KEY.kid}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: bytes | dict[str, Any], payload: bytes | dict[str, Any], key: SigningKey = KEY) -> str:
    """A token with a right signature over any header and payload, whatever they hold."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    signing_input = ".".join(map(b64, parts))
    signature = key._signing.sign(signing_input.encode())
    return f"{signing_input}.{b64(signature)}"


def session(**changes: Any) -> str:
    return signed(HEADER, {k: v for k, v in (CLAIMS | changes).items() if v is not ...})


def headed(**changes: Any) -> str:
    return signed({k: v for k, v in (HEADER | changes).items() if v is not ...}, CLAIMS)


GOOD = session()


def respelled_last_character() -> str:
    """The same signature bytes: the last character of 86 carries four bits that do not count."""
    last = ALPHABET.index(GOOD[-1])
    return GOOD[:-1] + ALPHABET[last ^ 1]


def with_mac(algorithm: str) -> str:
    """An HMAC under the public key's PEM, as in the algorithm confusion of CVE-2024-33663."""
    secret = base64.b64encode(KEY.public_pem.encode()).decode()
    headers = {"typ": SESSION.typ, "kid": KEY.kid}
    return str(jws.sign(CLAIMS, secret, headers=headers, algorithm=algorithm))


def duplicated(text: bytes, name: str) -> bytes:
    return text[:-1] + f', "{name}": {json.dumps(CLAIMS.get(name, "x"))}}}'.encode()


def swapped(position: int, replacement: str) -> str:
    parts = GOOD.split(".")
    parts[position] = replacement
    return ".".join(parts)


HOSTILE: dict[str, Callable[[], Any]] = {
    "missing": lambda: None,
    "empty": lambda: "",
    "a number": lambda: 7,
    "a list": lambda: [GOOD],
    "two dots": lambda: "..",
    "one segment": lambda: GOOD.split(".")[0],
    "two segments": lambda: ".".join(GOOD.split(".")[:2]),
    "four segments": lambda: GOOD + ".x",
    "no signature": lambda: swapped(2, ""),
    "spaces around": lambda: f" {GOOD} ",
    "line break after": lambda: GOOD + "\n",
    "padding after": lambda: GOOD + "==",
    "padding in the header": lambda: swapped(0, GOOD.split(".")[0] + "="),
    "respelled last character": respelled_last_character,
    "junk inside the signature": lambda: GOOD[:-10] + "!" + GOOD[-10:],
    "plain base64 alphabet": lambda: swapped(2, "+" * 43 + "/" * 43),
    "lone surrogate": lambda: GOOD[:-5] + "\udcff" + GOOD[-4:],
    "not ASCII": lambda: GOOD[:-1] + "é",
    "fullwidth digit": lambda: GOOD[:-1] + "\uff11",
    "NUL": lambda: GOOD + "\x00",
    "header over the size": lambda: headed(typ=SESSION.typ, kid="k" * 300),
    "token over the size": lambda: session(email="x" * 2000),
    "a megabyte": lambda: "A" * 1_000_000,
    "deeply nested header": lambda: signed(b"[" * 150, CLAIMS),
    "very deeply nested header": lambda: swapped(0, b64(b'{"a":' * 5000)),
    "nested in a header field": lambda: signed(b'{"alg":' + b'{"a":' * 30 + b"1" + b"}" * 31, CLAIMS),
    "header is a list": lambda: signed(b'["ES256"]', CLAIMS),
    "header is text": lambda: signed(b'"{"', CLAIMS),
    "header is no JSON": lambda: signed(b"{alg}", CLAIMS),
    "header is not UTF-8": lambda: signed(b'{"alg":"\xff"}', CLAIMS),
    "header with a field twice": lambda: signed(duplicated(json.dumps(HEADER).encode(), "alg"), CLAIMS),
    "alg none": lambda: headed(alg="none"),
    "alg none, no signature": lambda: (
        b64(json.dumps(HEADER | {"alg": "none"}).encode()) + "." + GOOD.split(".")[1] + "."
    ),
    "alg HS256": lambda: with_mac("HS256"),
    "alg HS512": lambda: with_mac("HS512"),
    "alg ES384": lambda: headed(alg="ES384"),
    "alg RS256": lambda: headed(alg="RS256"),
    "alg in lower case": lambda: headed(alg="es256"),
    "alg a list": lambda: headed(alg=["ES256"]),
    "alg a number": lambda: headed(alg=256),
    "alg missing": lambda: headed(alg=...),
    "kid missing": lambda: headed(kid=...),
    "kid unknown": lambda: headed(kid=OTHER.kid),
    "kid a number": lambda: headed(kid=1),
    "kid null": lambda: headed(kid=None),
    "kid a path": lambda: headed(kid="../../dev/null"),
    "jwk in the header": lambda: signed(HEADER | {"jwk": OTHER.public_keys().jwks()["keys"][0]}, CLAIMS),
    "jwk of the forger": lambda: signed(
        HEADER | {"jwk": OTHER.public_keys().jwks()["keys"][0]}, CLAIMS, OTHER
    ),
    "jku": lambda: headed(jku="https://evil.example/jwks.json"),
    "x5u": lambda: headed(x5u="https://evil.example/cert"),
    "crit": lambda: headed(crit=["exp"]),
    "crit as text": lambda: headed(crit="b64"),
    "b64 false": lambda: headed(b64=False),
    "zip": lambda: headed(zip="DEF"),
    "typ missing": lambda: headed(typ=...),
    "typ JWT": lambda: headed(typ="JWT"),
    "typ in upper case": lambda: headed(typ="SESSION+JWT"),
    "typ of another purpose": lambda: headed(typ=RECEIPT.typ),
    "signed by another key": lambda: signed(HEADER, CLAIMS, OTHER),
    "signature cut short": lambda: swapped(2, b64(b"\x01" * 63)),
    "signature with a byte more": lambda: swapped(2, b64(b"\x01" * 65)),
    "signature of zeros": lambda: swapped(2, b64(bytes(64))),
    "signature as DER": lambda: swapped(2, b64(b"\x30\x06\x02\x01\x01\x02\x01\x01")),
    "payload swapped": lambda: swapped(1, b64(json.dumps(CLAIMS | {"sub": "1"}).encode())),
    "payload a list": lambda: signed(HEADER, b"[]"),
    "payload no JSON": lambda: signed(HEADER, b"x"),
    "payload not UTF-8": lambda: signed(HEADER, b"\xff\xfe"),
    "payload deeply nested": lambda: signed(HEADER, b'{"a":' * 200 + b"1" + b"}" * 200),
    "exp twice": lambda: signed(HEADER, duplicated(json.dumps(CLAIMS).encode(), "exp")),
    "sub twice": lambda: signed(HEADER, duplicated(json.dumps(CLAIMS).encode(), "sub")),
    "exp missing": lambda: session(exp=...),
    "exp null": lambda: session(exp=None),
    "exp text": lambda: session(exp="99999999999"),
    "exp a fraction": lambda: session(exp=NOW.timestamp() + 0.5),
    "exp true": lambda: session(exp=True),
    "exp a list": lambda: session(exp=[CLAIMS["exp"]]),
    "exp infinite": lambda: signed(
        HEADER, json.dumps(CLAIMS | {"exp": 1}).replace(": 1,", ": 1e400,").encode()
    ),
    "exp beyond the calendar": lambda: session(exp=10**18),
    "exp negative": lambda: session(exp=-1),
    "iat missing": lambda: session(iat=...),
    "iat text": lambda: session(iat="1"),
    "iss missing": lambda: session(iss=...),
    "iss of another service": lambda: session(iss=ACTIVATION.issuer),
    "iss a list": lambda: session(iss=[SESSION.issuer]),
    "aud missing": lambda: session(aud=...),
    "aud of another purpose": lambda: session(aud=RECEIPT.audience),
    "aud a list": lambda: session(aud=[SESSION.audience]),
    "sub missing": lambda: session(sub=...),
    "sub a number": lambda: session(sub=42),
    "sub zero": lambda: session(sub="0"),
    "sub negative": lambda: session(sub="-1"),
    "sub with a leading zero": lambda: session(sub="042"),
    "sub in other digits": lambda: session(sub="\u0664\u0662"),
    "sub beyond 64 bits": lambda: session(sub="9223372036854775808"),
    "sub with a line break": lambda: session(sub="42\n"),
    "jti missing": lambda: session(jti=...),
    "jti empty": lambda: session(jti=""),
    "jti a number": lambda: session(jti=1),
    "jti over the size": lambda: session(jti="j" * 65),
    "jti with a slash": lambda: session(jti="a/b"),
    "email missing": lambda: session(email=...),
    "email a list": lambda: session(email=["zoe@example.org"]),
    "pwv missing": lambda: session(pwv=...),
    "pwv text": lambda: session(pwv="3"),
    "pwv true": lambda: session(pwv=True),
    "pwv zero": lambda: session(pwv=0),
    "pwv beyond 64 bits": lambda: session(pwv=2**63),
    "an extra claim that nests": lambda: session(extra={"a": 1}),
    "activation token": lambda: issued(ACTIVATION),
    "receipt token": lambda: issued(RECEIPT),
    "reset token": lambda: issued(RESET),
}


def issued(purpose: Any, **changes: Any) -> str:
    arguments: dict[str, Any] = {
        "subject": 42,
        "token_id": "token-1",
        "issued_at": NOW,
        "expires_at": NOW + HOUR,
        "claims": {"email": "zoe@example.org", "pwv": 3},
    }
    return issue(purpose, KEY, **(arguments | changes))


def test_the_token_that_the_table_is_made_from_is_good() -> None:
    """Otherwise every row below would pass for the wrong reason."""
    assert read(SESSION, KEYS, GOOD, now=NOW).user_id == 42


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_token_is_invalid(name: str) -> None:
    """TokenInvalid, no other exception, and never the kind that carries claims."""
    with pytest.raises(TokenInvalid) as caught:
        read(SESSION, KEYS, HOSTILE[name](), now=NOW)
    assert type(caught.value) is TokenInvalid


@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_is_invalid(text: str) -> None:
    """Whatever is no token of ours raises TokenInvalid and nothing else."""
    with pytest.raises(TokenInvalid):
        read(SESSION, KEYS, text, now=NOW)


@given(st.binary(max_size=120), st.binary(max_size=200))
def test_any_signed_bytes_are_invalid(header: bytes, payload: bytes) -> None:
    """Neither do random headers nor random payloads get past the door, even well signed."""
    for token in (signed(header, CLAIMS), signed(HEADER, payload)):
        with pytest.raises(TokenInvalid):
            read(SESSION, KEYS, token, now=NOW)


@given(st.integers(0, len(GOOD) - 1), st.sampled_from(ALPHABET + ".=+/ "))
def test_one_changed_character_is_invalid(position: int, character: str) -> None:
    """A token has one spelling."""
    changed = GOOD[:position] + character + GOOD[position + 1 :]
    if changed != GOOD:
        with pytest.raises(TokenInvalid):
            read(SESSION, KEYS, changed, now=NOW)


@pytest.mark.parametrize("purpose", PURPOSES, ids=lambda purpose: purpose.typ)
def test_what_is_issued_is_read_for_its_purpose_only(purpose: Any) -> None:
    """Each purpose reads its own tokens; the three others refuse them."""
    token = issued(purpose, claims={"email": "zoe@example.org", "pwv": 3, "next": "x"})
    claims = read(purpose, KEYS, token, now=NOW)
    assert (claims.user_id, claims.token_id, claims.email, claims.pw_version) == (
        42,
        "token-1",
        "zoe@example.org",
        3,
    )
    assert (claims.issued_at, claims.expires_at) == (NOW, NOW + HOUR)
    for other in PURPOSES:
        if other is not purpose:
            with pytest.raises(TokenInvalid):
                read(other, KEYS, token, now=NOW)


def test_expiry_is_exact_and_carries_the_claims() -> None:
    """Good one microsecond before `exp`, expired at it; the claims are those of the token."""
    token = issued(ACTIVATION)
    assert read(ACTIVATION, KEYS, token, now=NOW + HOUR - timedelta(microseconds=1)).user_id == 42
    with pytest.raises(TokenExpired) as caught:
        read(ACTIVATION, KEYS, token, now=NOW + HOUR)
    assert (caught.value.claims.user_id, caught.value.claims.pw_version) == (42, 3)


def test_two_keys_overlap_during_rotation() -> None:
    """Tokens of either key are read; once the old one is taken away, its tokens are dead."""
    both = PublicKeys.from_pem(OTHER.public_pem + KEY.public_pem)
    assert read(SESSION, both, GOOD, now=NOW).user_id == 42
    assert read(
        SESSION, KEYS | OTHER.public_keys(), signed(HEADER | {"kid": OTHER.kid}, CLAIMS, OTHER), now=NOW
    )
    with pytest.raises(TokenInvalid):
        read(SESSION, OTHER.public_keys(), GOOD, now=NOW)


def test_jwks_publishes_public_parts_only() -> None:
    """Public members, the thumbprint as kid, and nothing of the private key."""
    (jwk,) = KEYS.jwks()["keys"]
    assert jwk.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (jwk["kty"], jwk["crv"], jwk["alg"], jwk["kid"]) == ("EC", "P-256", "ES256", KEY.kid)
    numbers = KEY._key.public_key().public_numbers()
    for member, number in (("x", numbers.x), ("y", numbers.y)):
        assert int.from_bytes(base64.urlsafe_b64decode(jwk[member] + "="), "big") == number


def test_kid_is_the_thumbprint_of_rfc_7638() -> None:
    """The kid of a known key: RFC 8037 gives none for P-256, so it is computed from the published JWK."""
    import hashlib

    (jwk,) = KEYS.jwks()["keys"]
    canonical = f'{{"crv":"P-256","kty":"EC","x":"{jwk["x"]}","y":"{jwk["y"]}"}}'
    assert KEY.kid == b64(hashlib.sha256(canonical.encode()).digest())


def pem_of(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "secret",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        KEY.public_pem,
        pem_of(ec.generate_private_key(ec.SECP384R1())),
        pem_of(rsa.generate_private_key(65537, 2048)),
    ],
    ids=["empty", "no PEM", "no DER", "public", "P-384", "RSA"],
)
def test_other_private_keys_are_refused(pem: str) -> None:
    """Only an unencrypted private key on P-256 signs; the message does not repeat the text."""
    with pytest.raises(KeyInvalid) as caught:
        SigningKey.from_pem(pem)
    assert len(pem) == 0 or pem not in str(caught.value)


@pytest.mark.parametrize("pems", ["", "x", PEM, KEY.public_pem + "x", KEY.public_pem + PEM])
def test_other_public_keys_are_refused(pems: str) -> None:
    """A private key where a public one belongs is a mistake that must be seen."""
    with pytest.raises(KeyInvalid):
        PublicKeys.from_pem(pems)


def test_keys_may_have_escaped_line_breaks() -> None:
    """Files of environment variables hold PEM on one line."""
    assert SigningKey.from_pem(PEM.replace("\n", "\\n")).kid == KEY.kid
    assert PublicKeys.from_pem(KEY.public_pem.replace("\n", "\\n")).find(KEY.kid) is not None


def test_the_key_is_not_shown() -> None:
    """repr names the key and shows nothing of it."""
    assert repr(KEY) == f"SigningKey(kid={KEY.kid!r})"


@pytest.mark.parametrize(
    "changes",
    [
        {"claims": {"email": "a@b.c"}},
        {"claims": {"pwv": 1}},
        {"claims": {"email": "a@b.c", "pwv": 1, "sub": "1"}},
        {"claims": {"email": "a@b.c", "pwv": 0}},
        {"claims": {"email": "a" * 2000, "pwv": 1}},
        {"subject": 0},
        {"token_id": "a/b"},
        {"token_id": ""},
    ],
)
def test_nothing_is_issued_that_the_door_would_refuse(changes: dict[str, Any]) -> None:
    """A mistake of the caller is found where it is made."""
    with pytest.raises(ValueError, match="claim"):
        issued(SESSION, **changes)


def test_claims_of_the_caller_stay_as_they_are() -> None:
    """python-jose changes what it is given; the door hands it a copy."""
    claims = {"email": "a@b.c", "pwv": 1}
    issued(SESSION, claims=claims)
    assert claims == {"email": "a@b.c", "pwv": 1}


def test_token_ids_differ_and_are_long_enough() -> None:
    """192 bits, URL-safe, and never one twice."""
    ids = {new_token_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(token_id) == 32 and set(token_id) <= set(ALPHABET) for token_id in ids)

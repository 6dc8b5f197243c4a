"""One canonical form for each address, and nothing else gets in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.auth.addresses import AddressInvalid, address_key, canonical_address, masked, spellings


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("zoe@example.org", "zoe@example.org"),
        ("Zoe.Smith+Tag@EXAMPLE.Org", "zoe.smith+tag@example.org"),
        ("zoe@exämple.org", "zoe@xn--exmple-cua.org"),
        ("zoe@EXÄMPLE.org", "zoe@xn--exmple-cua.org"),
        ("zoe@xn--exmple-cua.org", "zoe@xn--exmple-cua.org"),
        ("zoe@XN--EXMPLE-CUA.org", "zoe@xn--exmple-cua.org"),
        ("o'brien@example.org", "o'brien@example.org"),
        ("a@b.co", "a@b.co"),
        ("x" * 242 + "@example.org", "x" * 242 + "@example.org"),
    ],
)
def test_canonical_form(written: str, canonical: str) -> None:
    """Lower case and IDNA; the canonical form is its own canonical form."""
    assert canonical_address(written, allow_test_domains=False) == canonical
    assert canonical_address(canonical, allow_test_domains=False) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "zoe",
        "@example.org",
        "zoe@",
        "zoe@localhost",
        "zoe@@example.org",
        "zoe@example..org",
        "zoe..smith@example.org",
        ".zoe@example.org",
        "zoe@-example.org",
        " zoe@example.org",
        "zoe@example.org ",
        "zoe@example.org\n",
        "zoe@example.org\r\nBcc: x@example.org",
        "zoe\x00@example.org",
        "Zoe <zoe@example.org>",
        '"zoe smith"@example.org',
        "zoe@[127.0.0.1]",
        "zoe@127.0.0.1",
        "zoé@example.org",
        "zoe@example.org,max@example.org",
        "zoe@\ud800.org",
        "\ud800@example.org",
        "=?utf-8?q?a?=@example.org",
        "zoe.=?a?q?b?=@example.org",
        "x" * 243 + "@example.org",
        "x" * 60 + "@" + ".".join(["y" * 60] * 4) + ".org",
        "z" * 16000,
    ],
)
def test_what_is_no_address(text: str) -> None:
    """Refused with one error, which does not repeat the text."""
    with pytest.raises(AddressInvalid) as caught:
        canonical_address(text, allow_test_domains=True)
    assert len(text) < 3 or text not in str(caught.value)


def test_spellings() -> None:
    """A canonical address, and the one that people see where its domain is international."""
    assert spellings("zoe@example.org") == ("zoe@example.org",)
    assert spellings("zoe@xn--exmple-cua.org") == ("zoe@xn--exmple-cua.org", "zoe@exämple.org")


def test_test_domains_only_where_allowed() -> None:
    """`.test` is reserved for tests (RFC 6761): good in development, refused in production."""
    assert canonical_address("zoe@quartet.test", allow_test_domains=True) == "zoe@quartet.test"
    with pytest.raises(AddressInvalid):
        canonical_address("zoe@quartet.test", allow_test_domains=False)


@given(st.text(max_size=80) | st.emails())
def test_any_text_is_canonical_or_refused(text: str) -> None:
    """No other exception, and what comes out is lower-case ASCII of at most 254 octets."""
    try:
        address = canonical_address(text, allow_test_domains=True)
    except AddressInvalid:
        return
    assert address.isascii()
    assert address == address.lower()
    assert len(address) <= 254


def test_masked_shows_two_letters() -> None:
    """Enough to recognise one's own, too little to learn another's."""
    assert masked("zoe@example.org") == "z***@e***"
    assert masked("") == "***@***"


def test_address_key_stands_for_the_address() -> None:
    """64 hexadecimal digits, the same for the same address."""
    assert address_key("zoe@example.org") == address_key("zoe@example.org")
    assert address_key("zoe@example.org") != address_key("max@example.org")
    assert len(address_key("zoe@example.org")) == 64

"""JSON as Jackson writes it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.embedded.converter import json_text, json_value

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Zoë 中文", '"Zoë 中文"'),
        ("\U0001f600", r'"\uD83D\uDE00"'),
        ("\U0010ffff", r'"\uDBFF\uDFFF"'),
        ('"\\/', r'"\"\\/"'),
        ("\b\t\n\f\r", r'"\b\t\n\f\r"'),
        ("\x00\x1f\x7f\u2028", '"\\u0000\\u001F\x7f\u2028"'),
    ],
)
def test_texts(text: str, written: str) -> None:
    assert json_text(text) == written


@given(TEXTS)
def test_every_text_is_read_back(text: str) -> None:
    assert json.loads(json_text(text)) == text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXTS,
        lambda inner: st.lists(inner) | st.dictionaries(TEXTS.filter(lambda name: name != "$date"), inner),
    )
)
def test_every_document_is_read_back(document: object) -> None:
    assert json.loads(json_value(document)) == document

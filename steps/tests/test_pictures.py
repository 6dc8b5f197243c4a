"""The README shows the console as it looks."""

import re

import pytest

from steps import pictures

README = (pictures.ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"!\[.+\]\((.+\.png)\)", README)


def test_the_readme_shows_pictures() -> None:
    assert len(SHOWN) == 2


@pytest.mark.parametrize("picture", SHOWN)
def test_a_picture_is_of_the_pages_as_they_look(picture: str) -> None:
    """Whoever changes a page takes the pictures anew, and looks at them."""
    assert (pictures.ROOT / picture).is_file()
    look = (pictures.ROOT / picture).with_suffix(".look").read_text().strip()
    assert look == pictures.look_of_the_pages(), (
        "the console's pages have changed since; take the pictures anew with "
        "`pytest features/console/map.feature --screenshots=features/console`"
    )

"""The README's pictures: taken by the scenarios, and of the pages as they look now."""

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
CONSOLE = ROOT / "containers" / "console"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--screenshots", metavar="DIR", default=None, help="keep the pictures of the README in this folder"
    )


def look_of_the_pages() -> str:
    """A digest of what makes the console's pages look as they do."""
    sources = [
        *sorted((CONSOLE / "templates").glob("*.html")),
        *sorted((CONSOLE / "assets").iterdir()),
        CONSOLE / "picture.py",
        CONSOLE / "timeline.py",
    ]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


class Album:
    """Keeps pictures of pages for the README if the run was asked for them."""

    def __init__(self, folder: Path | None) -> None:
        self.is_wanted = folder is not None
        self._folder = folder

    def take(self, page: Page, name: str) -> None:
        """The page as its window shows it, as NAME.png; NAME.look says of which look it is."""
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=self._folder / f"{name}.png")
            (self._folder / f"{name}.look").write_text(f"{look_of_the_pages()}\n")


@pytest.fixture
def album(request: pytest.FixtureRequest) -> Album:
    folder = request.config.getoption("--screenshots")
    return Album(Path(folder) if folder else None)

"""The data folder: who holds it, what it says of itself, and one sentence for each thing that is wrong."""

import fcntl
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from containers.engines import NotRunning, PlatformRefused
from containers.folder import DataFolder, Description, Holder, refusal


def described(pid: int) -> Description:
    return Description(
        "embedded", pid, "development", "2026-11-24T10:00:00Z", {"signup": "http://x"}, "x:1", {}
    )


def test_a_running_platform_describes_itself(tmp_path: Path) -> None:
    """What was written is read back while it is held, and nothing is there afterwards."""
    folder = DataFolder(tmp_path / "new" / "data")
    with folder.held("embedded"):
        folder.describe(described(os.getpid()))
        assert folder.description() == described(os.getpid())
        folder.forget()
    with pytest.raises(NotRunning, match="No platform is running on"):
        folder.description()


def test_a_second_platform_is_refused(tmp_path: Path) -> None:
    """One folder, one platform; the next may come when the first has gone."""
    folder = DataFolder(tmp_path)
    with (
        folder.held("embedded"),
        pytest.raises(PlatformRefused, match=r"running on .* already") as refused,
        folder.held("embedded"),
    ):
        pass
    assert refused.value.exit_code == 3
    with folder.held("embedded"):
        pass


def test_a_look_at_the_folder_is_no_platform(tmp_path: Path) -> None:
    """`quartet status` takes the lock for a moment, and a start in that moment goes on."""
    with DataFolder(tmp_path).held("embedded"):
        pass
    with (tmp_path / "platform.lock").open() as look:
        fcntl.flock(look, fcntl.LOCK_SH)
        ends = threading.Timer(0.05, fcntl.flock, (look, fcntl.LOCK_UN))
        ends.start()
        with DataFolder(tmp_path).held("embedded"):
            pass
        ends.join()


def test_a_platform_that_starts_is_known(tmp_path: Path) -> None:
    """By its process and tier, before it describes itself; afterwards by nothing."""
    folder = DataFolder(tmp_path)
    assert folder.holder() is None
    with folder.held("containers"):
        assert folder.holder() == Holder(os.getpid(), "containers")
        with pytest.raises(NotRunning, match=f"pid {os.getpid()}.* starts or stops: .*quartet down"):
            folder.description()
    assert folder.holder() is None


def test_the_tier_is_remembered(tmp_path: Path) -> None:
    """Not before it is noted, then beyond the end of the platform; what is no tier counts as none."""
    folder = DataFolder(tmp_path)
    with folder.held("containers"):
        assert folder.last_tier() == "containers"
    assert folder.last_tier() is None
    folder.remember("external")
    assert folder.last_tier() == "external"
    (tmp_path / "tier").write_text("imaginary\n")
    assert folder.last_tier() is None


def test_a_killed_platform_is_not_running(tmp_path: Path) -> None:
    """Neither a process id that is gone nor one that somebody else has by now is taken for it."""
    folder = DataFolder(tmp_path)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with folder.held("embedded"):
        pass
    for pid in (gone.pid, os.getpid()):
        folder.describe(described(pid))
        with pytest.raises(NotRunning):
            folder.description()
    with folder.held("embedded"), pytest.raises(NotRunning):
        folder.description()  # what a killed one left is no description of this one


@pytest.mark.parametrize("text", ["", "{", "[]", '{"tier": "embedded"}', '{"unknown": 1}'])
def test_half_a_description_is_none(tmp_path: Path, text: str) -> None:
    """Whatever stands in platform.json, the answer is a sentence."""
    (tmp_path / "platform.json").write_text(text)
    with pytest.raises(NotRunning):
        DataFolder(tmp_path).description()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    """It is not overwritten."""
    (tmp_path / "data").write_text("mine")
    folder = DataFolder(tmp_path / "data")
    with pytest.raises(PlatformRefused, match="data is not a folder"), folder.held("embedded"):
        pass
    assert (tmp_path / "data").read_text() == "mine"


@pytest.mark.parametrize("content", [b"not SQLite at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    """Before anything has started."""
    (tmp_path / "login_db.sqlite").write_bytes(content)
    with pytest.raises(PlatformRefused, match=r"login_db\.sqlite is damaged"):
        DataFolder(tmp_path).check_files()


def test_damage_inside_a_file_is_found_by_a_thorough_look(tmp_path: Path) -> None:
    """The first page alone does not show it."""
    path = tmp_path / "signup_db.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE users (email)")
        connection.executemany("INSERT INTO users VALUES (?)", [("x" * 500,)] * 100)
    connection.close()
    content = bytearray(path.read_bytes())
    content[8192:20480] = b"\xff" * 12288
    path.write_bytes(content)
    DataFolder(tmp_path).check_files()
    with pytest.raises(PlatformRefused, match=r"signup_db\.sqlite is damaged: put a copy back"):
        DataFolder(tmp_path).check_files(thoroughly=True)


@pytest.mark.parametrize("is_emptied", [True, False])
def test_accounts_that_are_gone_are_noticed(tmp_path: Path, is_emptied: bool) -> None:
    """Their copies are filled anew from them, and nothing fills them."""
    if is_emptied:
        (tmp_path / "signup_db.sqlite").touch()
    with sqlite3.connect(tmp_path / "login_db.sqlite") as connection:
        DataFolder(tmp_path).check_files()
        connection.execute("CREATE TABLE users (email)")
        connection.commit()
        DataFolder(tmp_path).check_files()
        connection.execute("INSERT INTO users VALUES ('x')")
    connection.close()
    with pytest.raises(PlatformRefused, match=r"signup_db\.sqlite is gone.*remove the data folder"):
        DataFolder(tmp_path).check_files()


def test_sound_files_and_missing_ones_pass(tmp_path: Path) -> None:
    """A first start has none, a later one its own."""
    DataFolder(tmp_path).check_files()
    with sqlite3.connect(tmp_path / "signup_db.sqlite") as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    DataFolder(tmp_path).check_files(thoroughly=True)
    assert DataFolder(tmp_path).has_accounts


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "is full"),
        (PermissionError(13, "Permission denied"), "cannot be read and written"),
        (OSError(30, "Read-only file system"), "cannot be read and written"),
        (NotADirectoryError(20, "Not a directory"), "is not a folder"),
        (IsADirectoryError(21, "Is a directory"), "in the place of a file"),
    ],
)
def test_every_refusal_says_what_to_do(tmp_path: Path, error: OSError, words: str) -> None:
    """It names the thing, and ends with the way out."""
    message = str(refusal(error, tmp_path))
    assert str(tmp_path) in message
    assert words in message
    assert ":" in message.partition(words)[2]


def test_a_full_disk_under_sqlite_is_a_full_disk(tmp_path: Path) -> None:
    """SQLite's word for it is understood too."""
    connection = sqlite3.connect(tmp_path / "full.sqlite", isolation_level=None)
    connection.execute("CREATE TABLE t (a)")
    connection.execute("PRAGMA max_page_count = 2")
    with pytest.raises(sqlite3.Error) as full:
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    connection.close()
    assert "is full" in str(refusal(full.value, tmp_path))


def test_damage_in_an_unknown_file_is_no_reason_to_remove_more_than_the_folder(tmp_path: Path) -> None:
    """What lies beside the data folder is none of its business."""
    (tmp_path / "x.sqlite").write_bytes(b"no database" * 100)
    with sqlite3.connect(tmp_path / "x.sqlite") as connection, pytest.raises(sqlite3.Error) as damage:
        connection.execute("SELECT 1 FROM sqlite_schema")
    connection.close()
    assert f"remove the data folder {tmp_path} to start over" in str(refusal(damage.value, tmp_path))

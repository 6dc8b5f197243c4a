"""`quartet config` prints every setting with its value and origin, and never a secret."""

import json
from pathlib import Path

import pytest

from apps.auth.tokens import generate_private_pem
from apps.web.settings import SettingsInvalid
from containers import settings
from containers.commands import config
from containers.keys import ensure_secrets

NAMES = {setting.name for setting in settings.catalogue()}
PEPPER = "a pepper of more than thirty-two bytes, 0123456789"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def printed(
    capsys: pytest.CaptureFixture[str], data: Path | None = None
) -> dict[str, tuple[str | None, str]]:
    config.run("embedded", data, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["tier"] == "embedded"
    return {line["name"]: (line["value"], line["origin"]) for line in found["settings"]}


def test_each_setting_is_there_once() -> None:
    """The services and the platform declare some of them alike."""
    names = [setting.name for setting in settings.catalogue()]
    assert len(names) == len(set(names))


def test_the_contract_names_are_known() -> None:
    """Those that acceptance suites set."""
    wanted = """
        SIGNUP_PORT ACTIVATION_PORT LOGIN_PORT RESET_PASSWORD_PORT INBOX_PORT INBOX_SMTP_PORT CONNECT_PORT
        CONSOLE_PORT QUARTET_DATA QUARTET_PROFILE ANSWERS RESET_ANSWERS
        ACTIVATION_TTL_SECONDS SESSION_TTL_SECONDS RESET_TTL_SECONDS
        LOGIN_RETRY_SECONDS LOGIN_MAX_FAILURES LOGIN_SUSPENSION_SECONDS MAIL_PER_ADDRESS MAIL_WINDOW_SECONDS
        PUBLIC_SIGNUP_URL PUBLIC_ACTIVATION_URL PUBLIC_LOGIN_URL PUBLIC_RESET_PASSWORD_URL
        SMTP_HOST SMTP_PORT SMTP_USERNAME SMTP_PASSWORD SMTP_STARTTLS MAIL_FROM
        SIGNUP_DATABASE_URL LOGIN_DATABASE_URL RESET_PASSWORD_DATABASE_URL
        ACTIVATION_MONGO_URL KAFKA_BOOTSTRAP_SERVERS
        PASSWORD_PEPPER SIGNUP_PRIVATE_KEY LOGIN_PRIVATE_KEY RESET_PASSWORD_PRIVATE_KEY
        SIGNUP_PUBLIC_KEYS LOGIN_PUBLIC_KEYS
    """
    assert set(wanted.split()) - NAMES == set()


def test_origins_of_an_untouched_machine(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Defaults are those of the tier; what the first start makes is said to be made."""
    found = printed(capsys, tmp_path)
    assert found["QUARTET_DATA"] == (str(tmp_path), "option")
    assert found["QUARTET_PROFILE"] == ("development", "default")
    assert found["SIGNUP_PORT"] == ("8080", "default")
    assert found["SMTP_PORT"] == ("1025", "default")
    assert found["SMTP_PASSWORD"] == (None, "default")
    assert found["PASSWORD_PEPPER"] == ("***", "generated")
    assert found["LOGIN_DATABASE_URL"] == (f"sqlite+aiosqlite:///{tmp_path}/login_db.sqlite", "default")


def test_nothing_is_made_by_looking(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`config` needs nothing and leaves nothing."""
    printed(capsys, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_the_environment_goes_before_defaults(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A default that follows from another setting follows it."""
    monkeypatch.setenv("ACTIVATION_PORT", "4444")
    found = printed(capsys)
    assert found["ACTIVATION_PORT"] == ("4444", "environment")
    assert found["PUBLIC_ACTIVATION_URL"] == ("http://localhost:4444", "default")


def test_secrets_are_masked_wherever_they_come_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From the environment and from a file alike."""
    pem = generate_private_pem()
    (tmp_path / "key").write_text(pem)
    monkeypatch.setenv("PASSWORD_PEPPER", PEPPER)
    monkeypatch.setenv("LOGIN_PRIVATE_KEY_FILE", str(tmp_path / "key"))
    found = printed(capsys)
    assert found["PASSWORD_PEPPER"] == ("***", "environment")
    assert found["LOGIN_PRIVATE_KEY"] == ("***", "file")


def test_passwords_in_addresses_are_masked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The rest of the address is shown, in the table and as JSON; one from a file is no exception."""
    (tmp_path / "inbox").write_text("https://me:s3cret@inbox:8025\n")
    monkeypatch.setenv("CONNECT_URL", "http://u:s3cret@connect:8083")
    monkeypatch.setenv("INBOX_URL_FILE", str(tmp_path / "inbox"))
    found = printed(capsys)
    assert found["CONNECT_URL"] == ("http://u:***@connect:8083", "environment")
    assert found["INBOX_URL"] == ("https://me:***@inbox:8025", "file")
    config.run("embedded", None, as_json=False)
    said = capsys.readouterr().out
    assert "http://u:***@connect:8083" in said
    assert "s3cret" not in said


def test_passwords_in_malformed_addresses_are_masked_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where they begin and end cannot be told, so all that may be of them is hidden."""
    monkeypatch.setenv("CONNECT_URL", "http://u:s3/cr#et@x@connect:8083")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "sasl://u:s3cret@kafka:9092")
    with pytest.raises(SettingsInvalid):
        printed(capsys)
    said = capsys.readouterr().out
    assert "http://u:***@connect:8083" in said
    assert "sasl://u:***@kafka:9092" in said


def test_engines_of_another_tier_are_not_taken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Embedded means embedded, whatever the environment names; the password in that address is not shown."""
    monkeypatch.setenv("LOGIN_DATABASE_URL", "mysql+aiomysql://login:hunter2@db/login_db")
    value, origin = printed(capsys, tmp_path)["LOGIN_DATABASE_URL"]
    assert (value, origin) == (f"sqlite+aiosqlite:///{tmp_path}/login_db.sqlite", "default")


def test_problems_are_told_all_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the platform and of every service, after all have been printed; secrets stay masked."""
    monkeypatch.setenv("SIGNUP_PORT", "ninety")
    monkeypatch.setenv("SESSION_TTL_SECONDS", "-1")
    monkeypatch.setenv("PASSWORD_PEPPER", "short-and-weak")
    with pytest.raises(SettingsInvalid) as raised:
        printed(capsys)
    told = capsys.readouterr().out
    assert {problem.split()[0] for problem in raised.value.problems} == {
        "SIGNUP_PORT",
        "SESSION_TTL_SECONDS",
        "PASSWORD_PEPPER",
    }
    assert "ninety" in told
    assert "short-and-weak" not in told


def test_two_parts_cannot_share_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both settings are named."""
    monkeypatch.setenv("LOGIN_PORT", "8080")
    with pytest.raises(SettingsInvalid, match="SIGNUP_PORT and LOGIN_PORT must differ"):
        settings.load()


def test_an_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Flag, environment, default."""
    assert settings.load().data == Path(".quartet")
    monkeypatch.setenv("QUARTET_DATA", "/somewhere")
    assert settings.load().data == settings.data_folder(None) == Path("/somewhere")
    assert settings.load(data=tmp_path).data == settings.data_folder(tmp_path) == tmp_path


def test_the_data_folder_can_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """For every verb alike; a file that is not there is an invalid setting."""
    (tmp_path / "name").write_text("/somewhere\n")
    monkeypatch.setenv("QUARTET_DATA_FILE", str(tmp_path / "name"))
    assert settings.load().data == settings.data_folder(None) == Path("/somewhere")
    (tmp_path / "name").unlink()
    with pytest.raises(SettingsInvalid, match="QUARTET_DATA cannot be read"):
        settings.data_folder(None)


def test_what_is_called_generated_is_what_the_first_start_makes(tmp_path: Path) -> None:
    """The names stand in two rooms; here they are held together."""
    made = ensure_secrets(tmp_path / "keys", has_accounts=False, given={})
    assert made.keys() == config.GENERATED

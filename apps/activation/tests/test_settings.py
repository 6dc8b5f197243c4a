import pytest

from apps.activation.settings import load
from apps.activation.tests.desk import ENVIRON, KEY, OTHER_KEY
from apps.auth.tokens import generate_private_pem
from apps.web.settings import SettingsInvalid

PRODUCTION = {
    "ACTIVATION_MONGO_URL": "mongodb://activation:s3cret@m1,m2,m3/?replicaSet=rs0",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "SIGNUP_PUBLIC_KEYS": KEY.public_pem,
}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsInvalid) as invalid:
        load(environ)
    return invalid.value.problems


def test_production_is_the_default_and_names_all_that_it_lacks() -> None:
    """One start shows everything that has to be set."""
    assert {problem.split()[0] for problem in problems({})} == set(PRODUCTION)


def test_complete_settings() -> None:
    """What is required suffices; two keys may overlap while one is being replaced."""
    settings = load({**PRODUCTION, "SIGNUP_PUBLIC_KEYS": KEY.public_pem + OTHER_KEY.public_pem})
    assert (settings.activation_port, settings.host, settings.is_development) == (4000, "0.0.0.0", False)
    assert "s3cret" not in repr(settings)


def test_development_needs_the_key_of_sign_up_only() -> None:
    """The platform brings the documents and the topics along."""
    assert load(ENVIRON).host == "127.0.0.1"
    assert load({**ENVIRON, "LISTEN_HOST": "10.0.0.7"}).host == "10.0.0.7"
    assert problems({"QUARTET_PROFILE": "development"}) == ["SIGNUP_PUBLIC_KEYS is not set"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNUP_PUBLIC_KEYS", "not PEM"),
        ("SIGNUP_PUBLIC_KEYS", generate_private_pem()),
        ("ACTIVATION_MONGO_URL", "http://m1"),
        ("ACTIVATION_MONGO_URL", "mongodb://activation:s3cret@m1:abc/"),
        ("KAFKA_BOOTSTRAP_SERVERS", "http://kafka:9092"),
        ("ACTIVATION_PORT", "none"),
        ("QUARTET_PROFILE", "staging"),
    ],
)
def test_malformed_values_are_refused_by_name(name: str, value: str) -> None:
    """The complaint names the setting and does not repeat its value."""
    (problem,) = problems({**PRODUCTION, name: value})
    assert problem.startswith(f"{name} ")
    assert value not in problem.removeprefix(name)

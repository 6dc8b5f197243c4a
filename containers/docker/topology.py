"""The whole platform as parts: which containers there are, and who reaches whom under which account.

signup ─► signup_mysql (route) ─► mysql1 mysql2 mysql3    signup, activation ─► kafka
activation ─► mongodb1 (mongodb2 mongodb3)                signup, login, reset-password ─► inbox
login ─► login_mysql                                      connect ─► kafka and every database
reset-password ─► rpwd_mysql
"""

from collections.abc import Mapping
from dataclasses import dataclass

from containers.docker import kafka, mongo, mysql
from containers.docker.parts import Part
from containers.docker.services import inbox_part, service_environ, service_parts
from containers.settings import PlatformSettings

ENGINE_PORTS = ("signup_db", "login_db", "rpwd_db", "activate_user_reg_db", "kafka")
"""What answers on a loopback port of its own, picked anew by each platform, besides what people use."""

KAFKA_INSIDE = "kafka:9092"

_MYSQL = {"signup": "signup_mysql", "login": "login_mysql", "reset_password": "rpwd_mysql"}
_SCHEMA = {"signup": "signup_db", "login": "login_db", "reset_password": "rpwd_db"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a platform is made from.

    engine_ports: a free port for each of ENGINE_PORTS.
    passwords: of each account in parts.ACCOUNTS.
    secrets: settings that the data folder keeps (pepper, keys).
    mongo_image: what MongoDB's members start from.
    """

    settings: PlatformSettings
    group_id: str
    engine_ports: Mapping[str, int]
    passwords: Mapping[str, str]
    secrets: Mapping[str, str]
    mongo_image: str


def engine_parts(plan: Plan) -> list[Part]:
    """The databases, Kafka and Connect."""
    ports = plan.engine_ports
    return [
        *mysql.group_parts(plan.passwords, group_id=plan.group_id),
        mysql.route_part(host_port=ports["signup_db"]),
        mysql.server_part("login_mysql", plan.passwords, host_port=ports["login_db"]),
        mysql.server_part("rpwd_mysql", plan.passwords, host_port=ports["rpwd_db"]),
        *mongo.mongo_parts(plan.mongo_image, plan.passwords, host_port=ports["activate_user_reg_db"]),
        kafka.kafka_part(host_port=ports["kafka"]),
        kafka.connect_part(
            host_port=plan.settings.ports["CONNECT_PORT"], environment=connector_environ(plan)
        ),
    ]


def own_parts(plan: Plan) -> list[Part]:
    """The four services and, in development, the inbox."""
    environ = service_environ(plan.settings, engine_settings(plan), plan.secrets)
    inbox = [inbox_part(plan.settings)] if plan.settings.profile == "development" else []
    return [*inbox, *service_parts(plan.settings, environ)]


def engine_settings(plan: Plan) -> dict[str, str]:
    """Where the services find their engines, each with an account of its own."""
    databases = {
        f"{service.upper()}_DATABASE_URL": (
            f"mysql+aiomysql://{service}:{plan.passwords[service]}@{host}:3306/{_SCHEMA[service]}"
        )
        for service, host in _MYSQL.items()
    }
    return {
        **databases,
        "ACTIVATION_MONGO_URL": mongo.service_url(plan.mongo_image, plan.passwords),
        "KAFKA_BOOTSTRAP_SERVERS": KAFKA_INSIDE,
    }


def connector_environ(plan: Plan) -> dict[str, str]:
    """What the placeholders of the connector files stand for."""
    hosts = {"SIGNUP": _MYSQL["signup"], "LOGIN": _MYSQL["login"], "RPWD": _MYSQL["reset_password"]}
    return {
        **{f"QUARTET_{name}_MYSQL_HOST": host for name, host in hosts.items()},
        **{f"QUARTET_{name}_MYSQL_PORT": "3306" for name in hosts},
        "QUARTET_CDC_USER": "capture",
        "QUARTET_CDC_PASSWORD": plan.passwords["capture"],
        "QUARTET_SINK_USER": "sink",
        "QUARTET_SINK_PASSWORD": plan.passwords["sink"],
        "QUARTET_MONGO_URI": mongo.capture_url(plan.mongo_image, plan.passwords),
        "QUARTET_KAFKA_BOOTSTRAP": KAFKA_INSIDE,
    }

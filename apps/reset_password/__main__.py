"""Runs reset-password as a process of its own: `python -m apps.reset_password`."""

from apps.reset_password.app import build, real_ports
from apps.reset_password.settings import load
from apps.web.app import App
from apps.web.server import load_or_exit, run_service


def main() -> None:
    settings = load_or_exit(load)

    def build_real() -> App:
        return build(settings, real_ports(settings))

    run_service(build_real, settings.reset_password_port, settings.host, service="reset_password")


if __name__ == "__main__":
    main()

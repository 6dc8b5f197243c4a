"""Runs login as a process of its own: `python -m apps.login`."""

from apps.login.app import build, real_ports
from apps.login.settings import load
from apps.web.app import App
from apps.web.server import load_or_exit, run_service


def main() -> None:
    settings = load_or_exit(load)

    def build_real() -> App:
        return build(settings, real_ports(settings))

    run_service(build_real, settings.login_port, settings.host, service="login")


if __name__ == "__main__":
    main()

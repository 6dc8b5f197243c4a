"""Runs sign-up as a process of its own: `python -m apps.signup`."""

from apps.signup.app import build, real_ports
from apps.signup.settings import load
from apps.web.app import App
from apps.web.server import load_or_exit, run_service


def main() -> None:
    settings = load_or_exit(load)

    def build_real() -> App:
        return build(settings, real_ports(settings))

    run_service(build_real, settings.signup_port, settings.host, service="signup")


if __name__ == "__main__":
    main()

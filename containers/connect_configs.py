"""The seven connector files of connect-configs/, as every tier reads them."""

from collections.abc import Mapping
from pathlib import Path

from containers.connector_files.config import ConfigInvalid, read_folder
from containers.connector_files.settings import Settings, read_settings, refuse_doubled_server_id
from containers.embedded.environment import connector_environ
from containers.engines import PlatformRefused
from containers.folder import DOCUMENTS, SQL_DATABASES

CONNECTOR_FILES = Path(__file__).parents[1] / "connect-configs"

DATABASES = (*SQL_DATABASES, DOCUMENTS)

Configs = Mapping[str, Mapping[str, str]]


def read_configs(given: Mapping[str, str], folder: Path = CONNECTOR_FILES) -> Configs:
    """The configurations of the seven connectors, checked: real Connect accepts many wrong values.

    given: the environment; a placeholder that it does not set stands for what Connect's own environment has.

    Raises:
        PlatformRefused: a file is wrong, with connector, option and reason; exit code 2.
    """
    try:
        configs = read_folder(folder)
        environ, read = connector_environ(given), list[Settings]()
        for name, config in configs.items():
            read.append(read_settings(name, config, environ=environ, databases=DATABASES))
            refuse_doubled_server_id(read[-1], read)
    except ConfigInvalid as error:
        raise PlatformRefused(f"Connector {error}. Mend {folder}.", exit_code=2) from error
    if not configs:
        raise PlatformRefused(f"{folder} holds no connector files: start from a whole checkout.")
    return configs

"""From a data folder to a handle on the platform that runs on it, whatever its tier.

The parts of a tier are imported for it alone: on the embedded one no client of a real engine is needed.
"""

from pathlib import Path

from containers.engines import Tier
from containers.folder import DataFolder


def attach(data: Path) -> Tier:
    """A handle to the platform that runs on this data folder.

    Raises:
        NotRunning: nothing runs there, or it is still starting.
    """
    tier = DataFolder(data).description().tier
    if tier == "containers":
        from containers.docker.observe import attach as attach_containers

        return attach_containers(data)
    if tier == "external":
        from containers.external import attach as attach_external

        return attach_external(data)
    from containers.embedded.observe import EmbeddedTier

    return EmbeddedTier.attach(data)

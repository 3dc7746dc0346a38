"""Azure's time: by which ages are told, whatever this machine's clock says."""

from datetime import datetime

from diskguard.ports import Ports


def azure_time(ports: Ports) -> datetime:
    """The present instant by Azure's clock, as far as the answers so far tell it."""
    return ports.clock.now() + ports.compute.clock_offset()

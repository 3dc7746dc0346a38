"""What a command finds around it: environment, clock, chance, the door to Azure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the nouns behind the ports cost a fifth of a quick command's time
    from contextlib import AbstractAsyncContextManager

    from diskguard.ports import Clock, Observer, Ports

    OpenPorts = Callable[[str, Observer], AbstractAsyncContextManager[Ports]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The world outside a command. `open_ports` takes the cloud (contract 1) and who listens.

    `lock_folders` are tried in order; `usual_policies` are where a policy is looked for.
    """

    environment: Mapping[str, str]
    clock: "Clock"
    nonce: Callable[[], str]
    open_ports: "OpenPorts"
    lock_folders: tuple[Path, ...]
    usual_policies: tuple[Path, ...]

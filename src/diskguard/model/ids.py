"""How things in Azure are called; names compare without case, as Azure compares them."""

import re
from dataclasses import dataclass
from functools import lru_cache, total_ordering
from typing import Self

_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)"
    r"(?:/resourceGroups/(?P<group>[^/]+))?"
    r"(?:/providers/(?P<provider>[^/]+)/(?P<rest>.+))?",
    re.IGNORECASE,
)


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class ResourceId:
    """The id of one resource, kept as written; equal to the same id in any other case.

    Azure answers with the group's or the resource's name in another case than asked (arm-wire 1).
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id as Azure writes it. Raises ValueError for anything else."""
        if not _ID.fullmatch(text.rstrip("/")):
            raise ValueError(f"not a resource id: {text!r}")
        return cls(text.rstrip("/"))

    @classmethod
    def of(cls, subscription: str, group: str, kind: str, name: str) -> Self:
        """Write the id of a resource of `kind`, e.g. "Microsoft.Compute/snapshots"."""
        return cls(f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}")

    @property
    def key(self) -> str:
        """The form to compare and index by."""
        return self.text.lower()

    @property
    def subscription(self) -> str:
        """The subscription's id."""
        return self._part("subscription")

    @property
    def group(self) -> str:
        """The resource group's name; empty for something above groups."""
        return self._part("group")

    @property
    def name(self) -> str:
        """The last segment."""
        return self.text.rsplit("/", 1)[-1]

    @property
    def kind(self) -> str:
        """The full type, e.g. "Microsoft.Compute/virtualMachines/runCommands"."""
        rest = self._part("rest").split("/")
        return "/".join([self._part("provider"), *rest[0::2]]) if rest != [""] else ""

    def _part(self, name: str) -> str:
        match = _ID.fullmatch(self.text)
        return (match[name] or "") if match else ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ResourceId):
            return False
        return self.text == other.text or self.key == other.key

    def __lt__(self, other: "ResourceId") -> bool:
        return self.key < other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.text


VmRef = ResourceId
DiskRef = ResourceId
SnapshotRef = ResourceId


class Region(str):
    """A region's short name: "East US" and "eastus" are one."""

    __slots__ = ()

    def __new__(cls, name: str) -> Self:
        """Keep letters and digits, in lower case."""
        return super().__new__(cls, _letters_and_digits(name))


@lru_cache(maxsize=1024)
def _letters_and_digits(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())

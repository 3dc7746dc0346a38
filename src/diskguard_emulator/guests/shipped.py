"""The helper a script carries, loaded into a namespace of its own with another kernel inside."""

import builtins
import io
import zipfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import CodeType, ModuleType
from typing import Any, Final

from diskguard_emulator.guests.script import ScriptNotUnderstood

PACKAGE: Final = "diskguard_helper"
KERNEL: Final = f"{PACKAGE}.kernel"


class ShippedHelper:
    """The modules of one archive; nothing of them is seen by the rest of this process."""

    def __init__(self, archive: bytes, kernel: type) -> None:
        self._code = _compiled(archive)
        replaced = ModuleType(KERNEL)
        replaced.__dict__["Kernel"] = kernel
        self._modules = {KERNEL: replaced}

    def module(self, name: str) -> ModuleType:
        """One of its modules, executed once. Raises ScriptNotUnderstood where there is none."""
        full = f"{PACKAGE}.{name}" if name else PACKAGE
        if full not in self._modules:
            if full not in self._code:
                raise ScriptNotUnderstood(f"the helper has no module {full}")
            module = self._modules[full] = ModuleType(full)
            importing = {**builtins.__dict__, "__import__": self._import}
            module.__dict__["__builtins__"] = importing
            exec(self._code[full], module.__dict__)  # noqa: S102 - executing it is what a guest is for
        return self._modules[full]

    def _import(
        self,
        name: str,
        globals_: Mapping[str, object] | None = None,
        locals_: Mapping[str, object] | None = None,
        wanted: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        package, _, rest = name.partition(".")
        if package != PACKAGE:
            return __import__(name, globals_, locals_, wanted or (), level)
        module = self.module(rest)
        if not wanted:
            return self._package_with(rest, module)
        for each in wanted or ():
            if f"{name}.{each}" in self._code.keys() | self._modules.keys():
                module.__dict__[each] = self.module(f"{rest}.{each}".lstrip("."))
        return module

    def _package_with(self, rest: str, module: ModuleType) -> ModuleType:
        package = self.module("")
        if rest:
            package.__dict__[rest] = module
        return package


@lru_cache(maxsize=8)
def load_helper(archive: bytes, kernel: type) -> ShippedHelper:
    """The helper of this archive, loaded once for all guests: its modules keep no state."""
    return ShippedHelper(archive, kernel)


def _compiled(archive: bytes) -> dict[str, CodeType]:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            sources = {name: opened.read(name) for name in opened.namelist()}
    except zipfile.BadZipFile as error:
        raise ScriptNotUnderstood(f"the helper is no archive: {error}") from error
    return {
        _module_name(name): compile(source, name, "exec")
        for name, source in sources.items()
        if name.startswith(f"{PACKAGE}/") and name.endswith(".py")
    }


def _module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

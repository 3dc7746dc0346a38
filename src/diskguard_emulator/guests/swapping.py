"""Another kernel.py in the helper that a script carries; all else in the script stays as it is."""

import base64
import io
import re
import zipfile
from typing import Final

KERNEL: Final = "diskguard_helper/kernel.py"
REAL_KERNEL: Final = "diskguard_helper/real_kernel.py"
_HELPER: Final = re.compile(
    r"(?P<head><<'DISKGUARD_HELPER'[^\n]*\n)(?P<body>.*?)(?P<tail>^DISKGUARD_HELPER$)",
    re.DOTALL | re.MULTILINE,
)


def with_kernel(script: str, kernel: str) -> str:
    """The script with `kernel` in place of its helper's kernel.py; a script without a helper as it is.

    The replaced one stays in the archive as real_kernel.py, for a kernel that builds upon it.
    """
    found = _HELPER.search(script)
    if found is None:
        return script
    archive = _swap(base64.b64decode(found["body"]), kernel)
    body = base64.encodebytes(archive).decode()
    return f"{script[: found.start('body')]}{body}{script[found.end('body') :]}"


def _swap(archive: bytes, kernel: str) -> bytes:
    swapped = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(swapped, "w") as new:
        for name in old.namelist():
            new.writestr(REAL_KERNEL if name == KERNEL else name, old.read(name))
        new.writestr(KERNEL, kernel)
    return swapped.getvalue()

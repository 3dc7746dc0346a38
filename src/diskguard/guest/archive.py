"""The helper as one runnable archive, read as data: diskguard never imports it."""

import io
import zipfile
from functools import cache
from importlib.resources import files

_HELPER = "diskguard_helper"
_MAIN = f"import sys\nfrom {_HELPER}.main import main\nsys.exit(main(sys.argv[1:]))\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file can say


@cache
def helper_archive() -> bytes:
    """What `python3 -I -B helper.pyz VERB FOLDER` runs; the same bytes for the same sources."""
    modules = sorted(
        (path.name, path.read_text(encoding="utf-8"))
        for path in files(_HELPER).iterdir()
        if path.name.endswith(".py")
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        _add(archive, "__main__.py", _MAIN)
        for name, text in modules:
            _add(archive, f"{_HELPER}/{name}", text)
    return packed.getvalue()


def _add(archive: zipfile.ZipFile, name: str, text: str) -> None:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, text)

"""Files that are written whole or not at all, and that their owner alone reads."""

import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Put `text` there, durably, in place of what there was; its folder is made if need be.

    Raises: OSError; what there was is there still.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)

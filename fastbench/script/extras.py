"""Libraries that a script needs only if it uses their protocol; each is an extra of the package."""

from __future__ import annotations

import importlib
from typing import Any

from fastbench.foundation.platforms import install_command
from fastbench.foundation.usage_error import UsageError


def load(module: str, *, extra: str, what: str) -> Any:
    """Import a library; raises UsageError with the command that installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise  # it is there, and lacks something itself
        raise UsageError(
            f"{what} needs the library {module.partition('.')[0]}: {install_command(extra)}"
        ) from None

"""A home for servers that serve one purpose and leave nothing behind: a test session, the making of examples."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from local.cluster import remove_data_elsewhere
from local.servers import stop_left_behind


@contextlib.contextmanager
def private_home() -> Iterator[Path]:
    """An empty home for private servers, removed at the end.

    pytest's tmp_path is closed to other accounts, so root's PostgreSQL would keep its data elsewhere; this one is open.
    """
    with tempfile.TemporaryDirectory(prefix="estateloop-private-") as folder:
        home = Path(folder)
        home.chmod(0o711)  # PostgreSQL's account passes through to its own directory
        try:
            yield home
        finally:
            stop_left_behind(home)
            remove_data_elsewhere(home)

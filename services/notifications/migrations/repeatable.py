"""What every migration brings after the revisions, however often it runs: the words of the files (F2)."""

from sqlalchemy import Connection

from services.common.observability.logs import get_logger
from services.notifications.wordings.handlers import load, shipped

log = get_logger(__name__)


def apply(connection: Connection) -> None:
    """In the transaction of the migration, at the newest revision."""
    log.info("wordings loaded", extra={"added": load(connection, shipped())})

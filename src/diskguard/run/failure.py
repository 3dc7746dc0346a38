"""An expected error, as data for the report."""

from diskguard.errors import DiskguardError
from diskguard.model.report import Failure


def failure_of(error: DiskguardError) -> Failure:
    """Keep what the error says: code, message, exit status, hint, Azure's correlation id."""
    return Failure(
        code=error.code,
        message=str(error),
        exit_status=error.exit_status,
        hint=error.hint,
        correlation_id=error.correlation_id,
    )

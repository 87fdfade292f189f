"""KNOBS of the billing service."""

from functools import cache

from pydantic import Field

from services.common.process.settings import CommonSettings


class Settings(CommonSettings):
    """Each is an environment variable ESTATELOOP_{NAME}."""

    slice_units: int = Field(default=5_000, gt=0, description="Units of one estate that a bill run takes at a time")
    slice_anomalies: int = Field(default=200, gt=0, description="Anomalies of a slice that are kept in words")
    amount_change_percent: int = Field(default=30, ge=0, description="A dry run names amounts that changed by more")
    unusual_consumption_percent: int = Field(
        default=200, ge=0, description="A dry run names consumption that grew more"
    )
    bill_run_statement_timeout_ms: int = Field(default=300_000, description="Longest statement of a bill run's slice")
    import_statement_timeout_ms: int = Field(default=120_000, description="Longest statement of an import")
    import_rows: int = Field(default=300_000, gt=0, description="Largest import")
    ledger_check_seconds: float = Field(default=60, gt=0, description="At most this often is the ledger checked")
    ledger_check_timeout_ms: int = Field(default=300_000, gt=0, description="How long one check may take")
    fold_rows: int = Field(default=50_000, gt=0, description="Changes of rollups folded into the totals at a time")
    rollup_check_timeout_ms: int = Field(default=120_000, gt=0, description="How long a check of rollups may take")
    evidence_seconds: float = Field(default=45, gt=0, description="How long an evidence pack may be printed (D4)")
    calendar_lead_days: int = Field(
        default=45, ge=0, description="So long before a year begins its missing public holidays are warned of"
    )


@cache
def settings() -> Settings:
    """Read once a process, when first needed."""
    return Settings()

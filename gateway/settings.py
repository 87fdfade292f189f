"""KNOBS of the gateway. Sizes are bytes, durations seconds unless the name says days."""

from functools import cache
from pathlib import Path
from typing import Self

from pydantic import AliasChoices, Field, model_validator

from services.common.process.settings import CommonSettings

KIB, MIB = 1024, 1024 * 1024


class Settings(CommonSettings):
    """Production signs callers in by a JWKS (file or URL); the sandbox by a shared secret and a development token."""

    port: int = Field(default=8000, validation_alias=AliasChoices("PORT", "port"))

    jwt_secret: str = Field(default="", description="HS256 secret, at least 32 characters")
    jwt_jwks_url: str = Field(default="", description="RS256/ES256 keys of the identity provider")
    jwt_jwks_file: Path | None = Field(default=None, description="The same from a mounted file")
    jwt_jwks_seconds: float = Field(default=600, description="How long fetched keys are trusted without a look")
    jwt_issuer: str = ""
    jwt_audience: str = ""
    jwt_leeway_seconds: float = 0
    dev_token_seconds: int = 12 * 3600

    rpc_timeout_seconds: float = 5
    rpc_import_timeout_seconds: float = 120
    rpc_ledger_timeout_seconds: float = Field(default=60, description="For what reads a whole ledger (B7, B8)")
    rpc_document_timeout_seconds: float = Field(default=60, description="For a document that is made on request (D4)")
    rpc_part_timeout_seconds: float = Field(default=2, description="For one part of an aggregated answer (I2)")
    catch_up_seconds: float = Field(
        default=10, description="A write waits so long for its service to hear of an import"
    )
    rpc_webhook_timeout_seconds: float = Field(default=4, description="Channels want their answer within 5 s")
    rpc_max_pending: int = 2_000
    breaker_failures: int = 5
    breaker_open_seconds: float = 2

    max_json_bytes: int = MIB
    max_csv_bytes: int = 32 * MIB
    rate_per_second: float = Field(default=2_000, description="Requests of one subject a process lets through")
    rate_burst: float = 4_000

    idempotency_keep_days: float = 7
    idempotency_lease_seconds: float = Field(default=3, description="Renewed while the work lasts")
    idempotency_wait_seconds: float = Field(default=4, description="A duplicate waits so long, longer than a lease")
    prune_every_seconds: float = 3_600
    database_pool: int = 10

    drain_seconds: float = Field(default=0, description="Unready but still serving, for load balancers to notice")
    metrics_targets: str = Field(default="", description="billing=http://127.0.0.1:1234,…: single-machine stack only")
    cors_origins: str = Field(default="", description="Comma-separated origins of browser front ends")

    @model_validator(mode="after")
    def _can_sign_in(self) -> Self:
        """Outside the sandbox a gateway that could check nobody's sign-in must not start."""
        if self.jwt_secret and len(self.jwt_secret) < 32:
            raise ValueError("ESTATELOOP_JWT_SECRET needs at least 32 characters")
        if not (self.sandbox or self.jwt_secret or self.jwt_jwks_url or self.jwt_jwks_file):
            raise ValueError("set ESTATELOOP_JWT_SECRET, ESTATELOOP_JWT_JWKS_URL or ESTATELOOP_JWT_JWKS_FILE")
        return self


@cache
def settings() -> Settings:
    """The process's settings, read once."""
    return Settings()

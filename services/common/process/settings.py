"""KNOBS every process has. Each is an environment variable; a service adds its own in its settings.py."""

from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class CommonSettings(BaseSettings):
    """Read once a process. Names are ESTATELOOP_… in upper case, and AMQP_URI and DATABASE_URL."""

    model_config = SettingsConfigDict(env_prefix="ESTATELOOP_", extra="ignore", frozen=True)

    amqp_uri: str = Field(
        default="amqp://guest:guest@127.0.0.1:5672//", validation_alias=AliasChoices("AMQP_URI", "amqp_uri")
    )
    database_url: str = Field(
        default="postgresql://postgres@127.0.0.1:5432/postgres",
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="A server on which each service has a database of its own",
    )
    database_prefix: str = Field(default="estateloop", description="Databases are named {prefix}_{service}")
    statement_timeout_ms: int = Field(default=15_000, description="A statement of a door that takes longer is ended")
    max_workers: int = Field(default=10, description="Messages a process handles at once; the database pool follows")
    host: str = Field(default="127.0.0.1", description="Address on which health and metrics are served")
    http_port: int = Field(default=0, description="Port of /healthz, /readyz, /metrics; 0: none is served")
    stop_deadline_seconds: float = Field(default=8.0, description="How long running work may take after SIGTERM")
    heartbeat_seconds: int = Field(default=60, description="AMQP heartbeat")
    log_level: str = "INFO"
    retry_delays_seconds: list[float] = Field(
        default=[1, 5, 30, 120, 600], description="Delay before each repeat of a failing event; then it is parked"
    )
    delivery_limit: int = Field(default=20, description="Deliveries after which the broker sets a message aside")
    outbox_keep_days: float = Field(default=7, description="Published outbox rows are pruned after this")
    inbox_keep_days: float = Field(default=30, description="Inbox rows are pruned after this")
    relay_batch: int = Field(default=1_000, description="Events published per confirmed batch")
    check_answers: bool = Field(default=False, description="Hold every RPC answer against its type; tests set it")
    sandbox: bool = Field(default=False, description="Sandbox channels and development sign-in; never in production")
    sandbox_url: str = Field(default="", description="Where the sandbox's remote side listens")
    sandbox_dir: Path = Field(default=Path(".local/sandbox"), description="Keys of the sandbox channels")

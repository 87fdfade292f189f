"""KNOBS of the sandbox; the environment is the product's own."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url


class Settings(BaseSettings):
    """Environment variables ESTATELOOP_… and DATABASE_URL."""

    model_config = SettingsConfigDict(env_prefix="ESTATELOOP_", extra="ignore", frozen=True)

    database_url: str = Field(
        default="postgresql://postgres@127.0.0.1:5432/postgres",
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
    )
    database_prefix: str = "estateloop"
    sandbox_url: str = "http://127.0.0.1:8090"
    sandbox_port: int | None = None
    sandbox_host: str = Field(default="127.0.0.1", description="Whoever reaches the sandbox can take money")
    smtp_port: int = Field(default=0, description="Mail comes in here; 0: no mail server")
    sandbox_dir: Path = Field(default=Path(".local/sandbox"), description="Keys; made at the first start")

    @property
    def port(self) -> int:
        """Where HTTP is served."""
        return self.sandbox_port or urlsplit(self.sandbox_url).port or 8090

    @property
    def server_url(self) -> str:
        """The database server, as asyncpg takes it."""
        return make_url(self.database_url).set(drivername="postgresql").render_as_string(hide_password=False)

    @property
    def own_database(self) -> str:
        """The sandbox's own database on it."""
        return f"{self.database_prefix}_sandbox"

    @property
    def own_database_url(self) -> str:
        """Its URL."""
        url = make_url(self.server_url).set(database=self.own_database)
        return url.render_as_string(hide_password=False)

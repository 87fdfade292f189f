"""A durable PostgreSQL and a RabbitMQ of their own for a benchmark run."""

from dataclasses import dataclass

from services.common.process.settings import CommonSettings


@dataclass(frozen=True)
class BenchServers:
    """Addresses of the servers."""

    amqp_uri: str
    database_url: str

    def settings(self, prefix: str) -> CommonSettings:
        """Settings of a process whose databases begin with `prefix`."""
        return CommonSettings(amqp_uri=self.amqp_uri, database_url=self.database_url, database_prefix=prefix)

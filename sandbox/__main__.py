"""`python -m sandbox`: serve until a signal."""

import uvicorn

from sandbox.app import create_app
from sandbox.settings import Settings


def main() -> None:
    """Listen on loopback, unless a network of its own is set up around it."""
    settings = Settings()
    app = create_app(settings)
    uvicorn.run(app, host=settings.sandbox_host, port=settings.port, log_level="warning", timeout_graceful_shutdown=3)


if __name__ == "__main__":
    main()

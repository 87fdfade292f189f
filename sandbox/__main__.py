"""`python -m sandbox`: serve until a signal."""

import uvicorn

from sandbox.app import create_app
from sandbox.settings import Settings


def main() -> None:
    """Listen on 127.0.0.1 only: whoever reaches this can take money."""
    settings = Settings()
    app = create_app(settings)
    uvicorn.run(app, host="127.0.0.1", port=settings.port, log_level="warning", timeout_graceful_shutdown=3)


if __name__ == "__main__":
    main()

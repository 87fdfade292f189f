"""Generated clients under test: the gateway's own document in a folder, our sources beside it, and the pinned tools."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from gateway.app import create_app
from local.commands import collect
from local.node import CLIENTS, Modules, Node
from tests.support.gateway import settings_for_tests
from tests.support.processes import ROOT

FOLDER = ROOT / CLIENTS
SOURCES = ("tsconfig.json", "money.ts", "openapi-ts.config.mjs", "validate.mjs")


class Workbench:
    """A folder in which clients are generated from openapi.json, as production answers it."""

    def __init__(self, folder: Path) -> None:
        assert Modules(FOLDER).is_current(), "these tests need their npm packages: python3 -m local.node installs them"
        self.folder = folder
        self.node = Node(Path(sys.prefix))
        (folder / "node_modules").symlink_to(FOLDER / "node_modules")
        for name in SOURCES:
            shutil.copy(FOLDER / name, folder)
        document = create_app(settings_for_tests(sandbox=False)).openapi()
        (folder / "openapi.json").write_text(json.dumps(document))

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A script of this folder, to its end."""
        return collect(self.node.command(Path(script), *arguments), at=self.folder)

    def generate(self, script: str, *arguments: str) -> None:
        """A generator, which must succeed."""
        done = self.run(f"node_modules/{script}", *arguments)
        assert done.returncode == 0, done.stdout

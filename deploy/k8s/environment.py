"""Which environment variables each process reads: the settings class of the module its container starts."""

import importlib
from collections.abc import Sequence

from pydantic import AliasChoices
from pydantic_settings import BaseSettings

COMMON = "services.common.process.settings", "CommonSettings"
ONE_FOR_ALL = {"services.common.process.relay": COMMON, "services.common.process.migrate": COMMON}


def settings_of(arguments: Sequence[str]) -> type[BaseSettings]:
    """The settings class behind `python -m …arguments`; ValueError when the image has no such program."""
    module = arguments[0] if arguments else ""
    if module == "services.common.process.runner" and len(arguments) == 2:
        return _load(f"services.{arguments[1]}.settings", "Settings")
    if module in ONE_FOR_ALL and len(arguments) >= 2:
        return _load(*ONE_FOR_ALL[module])
    if module in ("gateway", "sandbox"):
        return _load(f"{module}.settings", "Settings")
    raise ValueError(f"no program takes the arguments {list(arguments)}")


def variables_of(settings: type[BaseSettings]) -> frozenset[str]:
    """Names of the environment variables that fill its fields."""
    prefix = str(settings.model_config.get("env_prefix", ""))
    names: set[str] = set()
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias or f"{prefix}{name}"]
        names |= {str(choice).upper() for choice in choices}
    return frozenset(names)


def _load(module: str, name: str) -> type[BaseSettings]:
    found: type[BaseSettings] = getattr(importlib.import_module(module), name)
    return found

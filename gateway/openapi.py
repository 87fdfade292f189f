"""The OpenAPI 3.1 document, and a plain page to read it by."""

import json
from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.front.routing import problem_schemas

TITLE, VERSION = "EstateLoop", "1.0.0"
ABOUT = """Fee collection and service quality of a property group as one closed loop.

Money is integer fen in `*_fen`, dates are Asia/Shanghai business days, instants carry an offset. Errors are RFC 9457
problem documents. Every POST takes an `Idempotency-Key`: same key and body, same answer."""

EXAMPLES: dict[str, Any] = json.loads(Path(__file__).with_name("examples.json").read_text(encoding="utf-8"))
# Written from billing's kinds by `make schemas`
COLUMNS: dict[str, Any] = json.loads(Path(__file__).with_name("resources").joinpath("imports/columns.json").read_text())
WORDS = {
    "type": "object",
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    "required": ["code", "message"],
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=TITLE, version=VERSION, openapi_version="3.1.0", description=ABOUT, routes=app.routes
        )
        parts = document.setdefault("components", {})
        parts.setdefault("schemas", {}).update(problem_schemas())
        for unused in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(unused, None)
        parts["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
        document["security"] = [{"bearer": []}]
        for operations in document["paths"].values():
            for operation in operations.values():
                _complete(operation)
                _illustrate(operation, parts["schemas"])
        app.openapi_schema = document
    return app.openapi_schema


def _complete(operation: dict[str, Any]) -> None:
    """What the framework leaves out: the raw bodies."""
    if operation["operationId"] == "importCsv":
        text = {"schema": {"type": "string"}, "example": CSV_EXAMPLE}
        operation["requestBody"] = {"required": True, "content": {"text/csv": text}}
        operation["description"] += f"\n\n{_columns()}"
    elif operation["operationId"] == "receiveNotification":
        raw = {"schema": {"type": "string", "format": "binary"}, "example": '{"id": "…", "resource": {}}'}
        operation["requestBody"] = {"required": True, "content": {"*/*": raw}}
        said = {"200": ("Taken", "SUCCESS", "OK"), "400": ("Not for us", "FAIL", "the resource does not open")}
        said["401"] = ("Forged, stale or unsigned", "FAIL", "the signature is not valid")
        for status, (description, code, message) in said.items():
            told = {"schema": WORDS, "example": {"code": code, "message": message}}
            answered = {"description": f"{description}, as the channel expects to hear it"}
            operation["responses"][status] = {**answered, "content": {"application/json": told}}
        word = {"schema": {"type": "string"}, "example": "success"}
        operation["responses"]["200"]["content"]["text/plain"] = word
    elif operation["operationId"] == "evidencePdf":
        binary = {"type": "string", "format": "binary"}
        operation["responses"]["200"] = _download("application/pdf", binary, "%PDF-1.7 …")
    elif operation["operationId"] == "evidenceCsv":
        operation["responses"]["200"] = _download("text/csv", {"type": "string"}, "一、案件概要 / Case\r\n")


def _columns() -> str:
    """The columns of every kind of file."""
    lines = []
    for kind, columns in COLUMNS.items():
        lines += [f"**{kind}**", ""]
        lines += [f"- `{c['name']}`{'' if c['required'] else ' (may be left out)'}: {c['holds']}" for c in columns]
        lines.append("")
    return "\n".join(lines)


def _download(media_type: str, schema: dict[str, Any], example: str) -> dict[str, Any]:
    """The answer of a call that gives a file."""
    headers = {"Content-Disposition": {"schema": {"type": "string"}, "description": "attachment; filename*=UTF-8''…"}}
    return {
        "description": "The file",
        "headers": headers,
        "content": {media_type: {"schema": schema, "example": example}},
    }


def _illustrate(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """An example beside the schema of what is asked, by hand, and of what is answered, as the demo heard it."""
    for asked in operation.get("requestBody", {}).get("content", {}).values():
        if "example" not in asked:
            asked["example"] = _example(asked["schema"], schemas)
    for status, response in operation["responses"].items():
        answered = response.get("content", {}).get("application/json", {})
        if status.startswith("2") and operation["operationId"] in EXAMPLES:
            answered["example"] = EXAMPLES[operation["operationId"]]


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """The example a request's model carries; of several models, the first's."""
    choices = schema.get("anyOf") or schema.get("oneOf") or [schema]
    model = next(choice["$ref"] for choice in choices if "$ref" in choice)
    return schemas[model.rpartition("/")[2]]["examples"][0]


CSV_EXAMPLE = (
    "estate_code,name,region,city,property_type,service_grade,charging_mode,late_fee_clause\n"
    "GZ01,滨江花园,华南,广州,residential,A,lump_sum,合同第12条\n"
)


def page(document: dict[str, Any]) -> str:
    """All calls on one page without any script."""
    rows = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            roles = ", ".join(operation.get("x-roles", ["no sign-in"]))
            cells = (method.upper(), path, operation.get("summary", ""), operation.get("description", ""), roles)
            rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{name}</th>" for name in ("", "Path", "Call", "What it does", "Roles"))
    style = "body{font:14px sans-serif;margin:2em}td,th{text-align:left;padding:.3em .8em;border-bottom:1px solid #ddd}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{TITLE}</title><style>{style}</style>'
        f'<h1>{TITLE} {VERSION}</h1><p>Machine-readable: <a href="/openapi.json">/openapi.json</a></p>'
        f"<table><tr>{head}</tr>{''.join(rows)}</table></html>"
    )

"""VOCABULARY of single fields that events, requests and answers share: what each is, and how it is written."""

from typing import Annotated

from pydantic import WithJsonSchema

INT64 = {"type": "integer", "format": "int64"}

Whole = Annotated[int, WithJsonSchema(INT64)]
Fen = Annotated[int, WithJsonSchema({**INT64, "description": "Integer fen (分)"})]

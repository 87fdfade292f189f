"""VOCABULARY of single fields that events, requests and answers share: what each is, and how it is written."""

from typing import Annotated

from pydantic import StringConstraints, WithJsonSchema

INT64 = {"type": "integer", "format": "int64"}

Whole = Annotated[int, WithJsonSchema(INT64)]
Fen = Annotated[int, WithJsonSchema({**INT64, "description": "Integer fen (分)"})]
Period = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
DecimalText = Annotated[str, StringConstraints(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]

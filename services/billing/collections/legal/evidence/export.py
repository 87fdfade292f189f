"""VIEWS of the evidence pack: a file that fits into an RPC answer."""

import base64
from typing import Any, Literal

from services.billing.collections.legal.evidence import pdf
from services.billing.collections.legal.evidence.rules import Pack, as_csv, fingerprint

Form = Literal["pdf", "csv"]


def export(pack: Pack, form: Form) -> dict[str, Any]:
    """`{filename, media_type, content (base64), sha256 (of the CSV)}`."""
    sheet = as_csv(pack)
    sha256 = fingerprint(sheet)
    content = pdf.render(pack, sha256) if form == "pdf" else sheet
    return {
        "filename": f"evidence-{pack.household}-{pack.as_of}.{form}",
        "media_type": "application/pdf" if form == "pdf" else "text/csv; charset=utf-8",
        "content": base64.b64encode(content).decode(),
        "sha256": sha256,
    }

"""VIEWS of the evidence pack: a file that fits into an RPC answer."""

import base64

from services.billing.collections.legal.evidence import pdf
from services.billing.collections.legal.evidence.rules import Pack, as_csv, fingerprint
from services.common.contracts.answers.legal import EvidenceFile, EvidenceForm


def export(pack: Pack, form: EvidenceForm) -> EvidenceFile:
    """The pack in one form, and the fingerprint of its CSV."""
    sheet = as_csv(pack)
    sha256 = fingerprint(sheet)
    content = pdf.render(pack, sha256) if form == "pdf" else sheet
    return EvidenceFile(
        filename=f"evidence-{pack.household}-{pack.as_of}.{form}",
        media_type="application/pdf" if form == "pdf" else "text/csv; charset=utf-8",
        content=base64.b64encode(content).decode(),
        sha256=sha256,
    )

"""VIEWS of the evidence pack: a file that fits into an RPC answer."""

import base64

from services.billing.collections.legal.evidence import pdf
from services.billing.collections.legal.evidence.rules import Pack, as_csv, fingerprint
from services.common.contracts.answers.legal import EvidenceFile, EvidenceForm
from services.common.contracts.errors import Conflict


def export(pack: Pack, form: EvidenceForm, seconds: float) -> EvidenceFile:
    """The pack in one form, and the fingerprint of its CSV. Conflict when the PDF is not made in that time."""
    sheet = as_csv(pack)
    sha256 = fingerprint(sheet)
    content = _pdf_of(pack, sha256, seconds) if form == "pdf" else sheet
    return EvidenceFile(
        filename=f"evidence-{pack.household}-{pack.as_of}.{form}",
        media_type="application/pdf" if form == "pdf" else "text/csv; charset=utf-8",
        content=base64.b64encode(content).decode(),
        sha256=sha256,
    )


def _pdf_of(pack: Pack, sha256: str, seconds: float) -> bytes:
    try:
        return pdf.render(pack, sha256, seconds)
    except pdf.TooSlow as error:
        raise Conflict("There is too much to print; take the CSV, which has all of it, or an earlier day.") from error

"""Which wordings stand as the product shipped them: from here on the files of ../../wordings are loaded after the last
revision (../repeatable.py), and nothing that a group says in its own words is touched.

Revision ID: notifications_0013
"""

import sqlalchemy as sa
from alembic import op

from services.notifications.migrations.wordings import mark_as_shipped

revision = "notifications_0013"
down_revision = "notifications_0012"
branch_labels = None
depends_on = None

BROUGHT_BY = (
    "20261121_0002_dunning_wordings",
    "20261121_0003_service_wordings",
    "20261121_0004_receipts_of_letters",
    "20261121_0005_track_wordings",
    "20261121_0011_collection_wordings",
)


def upgrade() -> None:
    comment = "Digest of subject and body as the product ships them; any other or none: the group's own words"
    op.add_column("template", sa.Column("shipped", sa.Text, comment=comment))
    for revision_name in BROUGHT_BY:
        mark_as_shipped(op, revision_name)


def downgrade() -> None:
    op.execute("DELETE FROM template WHERE shipped IS NOT NULL AND version > 1")
    op.drop_column("template", "shipped")

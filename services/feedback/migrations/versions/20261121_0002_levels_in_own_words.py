"""A complaint's level is a word of the group's own; policies fall back to their general row (H1)."""

from alembic import op

revision = "feedback_0002"
down_revision = "feedback_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Any word is a level."""
    op.drop_constraint(op.f("complaint_level_check"), "complaint", type_="check")


def downgrade() -> None:
    """Only the three of old; words that are none of them count as normal."""
    op.execute("UPDATE complaint SET level = 'normal' WHERE level NOT IN ('normal', 'serious', 'major')")
    op.create_check_constraint(op.f("complaint_level_check"), "complaint", "level IN ('normal', 'serious', 'major')")

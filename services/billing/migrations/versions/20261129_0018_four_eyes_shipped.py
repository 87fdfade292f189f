"""Billing: as shipped nobody grants what he asked for, and a region manager grants what an estate manager grants (C2).

A group that changed its matrix keeps it: only a kind whose lines stand as they came is changed, and no estate's own.

Revision ID: billing_0018
"""

from alembic import op

revision = "billing_0018"
down_revision = "billing_0017"
branch_labels = None
depends_on = None

SHIPPED = """
WITH shipped (kind, position, up_to_fen, roles, needs_resolution) AS (VALUES
  ('late_fee', 1, 5000, '{}'::text[], false),
  ('late_fee', 2, 100000, '{estate_manager}', false),
  ('late_fee', 3, NULL, '{estate_manager,finance,group_admin}', true),
  ('principal', 1, 50000, '{estate_manager}', false),
  ('principal', 2, NULL, '{estate_manager,finance,group_admin}', true)
), standing AS (
  SELECT * FROM waiver_authority WHERE estate_id = 0
), untouched AS (
  SELECT kind FROM shipped AS s FULL JOIN standing AS a USING (kind, position) GROUP BY kind
  HAVING bool_and((a.up_to_fen, a.up_to_ratio, a.roles, a.needs_resolution, a.four_eyes)
    IS NOT DISTINCT FROM (s.up_to_fen::bigint, NULL::numeric, s.roles, s.needs_resolution, false))
)
UPDATE waiver_authority SET four_eyes = true, roles = array_append(roles, 'region_manager')
WHERE estate_id = 0 AND roles <> '{}' AND kind IN (SELECT kind FROM untouched)
"""


def upgrade() -> None:
    """Only where the group's lines are those that came with the product."""
    op.execute(SHIPPED)


def downgrade() -> None:
    """Migrations only go forward."""
    raise NotImplementedError("restore a backup instead")

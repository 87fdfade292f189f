"""Idempotency keys and the hash-chained audit log (I3)."""

from alembic import op

revision = "gateway_0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE idempotency_key (
    subject      text        NOT NULL,
    method       text        NOT NULL,
    path         text        NOT NULL,
    key          text        NOT NULL,
    body_hash    bytea       NOT NULL,
    request_id   uuid        NOT NULL,
    owner        uuid        NOT NULL,
    lease_until  timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    status       integer,
    content_type text,
    body         bytea,
    PRIMARY KEY (subject, method, path, key)
);
CREATE INDEX idempotency_key_created_at ON idempotency_key (created_at);

CREATE TABLE audit_log (
    id        bigint      PRIMARY KEY,
    at        timestamptz NOT NULL,
    sub       text        NOT NULL,
    roles     text        NOT NULL,
    method    text        NOT NULL,
    route     text        NOT NULL,
    subject   text        NOT NULL,
    outcome   integer     NOT NULL,
    trace_id  text        NOT NULL,
    prev_hash text        NOT NULL,
    hash      text        NOT NULL UNIQUE
);
CREATE INDEX audit_log_sub ON audit_log (sub, id);

CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only';
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_is_append_only();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
"""


def upgrade() -> None:
    """Both tables of the gateway."""
    op.execute(TABLES)


def downgrade() -> None:
    """Back to an empty database."""
    op.execute("DROP TABLE audit_log; DROP FUNCTION audit_log_is_append_only(); DROP TABLE idempotency_key;")

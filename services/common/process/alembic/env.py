"""PROCESS: Alembic's environment for all databases; it works on the connection that `process.migrate` hands in."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()

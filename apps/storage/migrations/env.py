"""Alembic's environment: runs the scripts on the connection that `apps/storage/migrate.py` hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()

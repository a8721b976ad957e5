"""Alembic's environment. `services.runtime.migrations` runs it on a connection of its own; there is no alembic.ini."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()

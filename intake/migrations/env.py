"""Runs a migration on the connection that `intake.migrations.upgrade` opened."""

from alembic import context

from intake.db import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=context.config.attributes["connection"].dialect.name == "sqlite",
)
context.run_migrations()

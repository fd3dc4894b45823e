"""What alembic runs: one connection, one migrator at a time, no waiting behind long transactions."""

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

url = make_url(context.config.attributes["url"]).set(drivername="postgresql+psycopg")
engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 5, "prepare_threshold": None})

with engine.connect() as connection:
    # Two processes that start at once must not migrate at once; the lock ends with the session.
    connection.execute(text("SELECT pg_advisory_lock(hashtext('inventario.migrations'))"))
    # A migration that cannot get its lock fails and is tried again, rather than queueing every sale behind it.
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.commit()
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()

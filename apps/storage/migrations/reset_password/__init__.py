"""Alembic scripts of rpwd_db, in the order of their numbers."""

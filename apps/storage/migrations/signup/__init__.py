"""Alembic scripts of signup_db, in the order of their numbers."""

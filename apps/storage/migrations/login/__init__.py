"""Alembic scripts of login_db, in the order of their numbers."""

"""The schemas of the three SQL databases, one folder of Alembic scripts for each."""

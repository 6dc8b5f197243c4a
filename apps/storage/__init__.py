"""SQL and document stores behind a few words that every engine understands."""

"""The embedded tier: everything that stands in for a real engine, in one room."""

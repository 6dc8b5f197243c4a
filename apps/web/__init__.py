"""The HTTP edge shared by the four services."""

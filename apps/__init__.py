"""The production code of the four services and what they share."""

"""The containers tier: the real engines and the four services, each in its container."""

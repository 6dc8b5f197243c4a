"""Unit tests of the stores, and the contract suite that every document store must pass."""

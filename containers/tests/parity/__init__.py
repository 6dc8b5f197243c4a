"""One story on two tiers, and what is to be seen of it on each: the tools of test_parity.py."""

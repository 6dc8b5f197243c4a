"""Sign-up: the owner of accounts, profiles, passwords and their versions."""

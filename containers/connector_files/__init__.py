"""The connector files in connect-configs/: what they may say, how they are read, what they ask for."""

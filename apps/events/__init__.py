"""Records of change data capture, and the loop that feeds them to a service."""

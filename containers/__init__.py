"""Where engines come from: the tiers, and the command that starts them."""

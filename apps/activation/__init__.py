"""Account activation: decides whether an activation link makes its account ACTIVE."""

"""Login: who may come in, for how long, and who is kept out for a while."""

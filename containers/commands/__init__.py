"""What stands behind the verbs of the `quartet` command: a module for each that is more than a few lines."""

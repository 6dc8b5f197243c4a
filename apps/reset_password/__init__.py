"""Reset-password: a new password for somebody who proves a live login and reads their mail."""

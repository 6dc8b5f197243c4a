"""The console: one page on which the whole system can be watched, tried and broken."""

"""Outgoing mail: queued in the transaction that owes it, delivered by a courier."""

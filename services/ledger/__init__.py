"""The command that shows, exports and deletes what is in the ledger."""

"""Quotas and budgets of the gateway: the ledger with its clock, and how limits are told to clients."""

"""Quotas and budgets: limits as values, sums that all replicas of a gateway share, reservations. No network here."""

"""Quotas and budgets of the gateway: enforced from memory, kept on disk, shared with replicas, and told to clients."""

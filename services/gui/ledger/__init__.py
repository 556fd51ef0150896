"""What pages and the API show of the ledger: ranges and filters in addresses, answers with their states, figures."""

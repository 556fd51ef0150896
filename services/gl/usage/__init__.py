"""Tokens and money: what a call may use, has used and costs."""

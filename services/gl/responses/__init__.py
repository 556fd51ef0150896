"""Responses that do not come straight from an upstream."""

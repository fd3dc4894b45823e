"""Purchasing: suppliers."""

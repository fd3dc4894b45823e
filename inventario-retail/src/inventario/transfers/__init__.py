"""Transfers: documents that move goods from one store to another, with the time in between."""

"""Accounts: the owner's login, sessions and API keys."""

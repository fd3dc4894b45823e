"""The sample shop: what a newcomer sees before entering anything."""

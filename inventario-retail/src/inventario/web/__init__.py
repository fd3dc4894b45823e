"""The web side that all features share."""

"""The doors: one module for each server the service depends on, the only places that open connections."""

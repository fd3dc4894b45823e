"""What a breaker is worth."""

"""What a breaker costs."""

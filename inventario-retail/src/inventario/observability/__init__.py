"""What the service tells about itself: metrics today, logs and traces beside them."""

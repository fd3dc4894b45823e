"""What the shop's numbers say: today at a glance."""

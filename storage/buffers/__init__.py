"""What Arrow data takes in memory, buffer by buffer."""

"""What lies in a landing zone: local folders and object stores, listed alike."""

"""What Penstock costs, beside what one would use instead; and the demo, which lands the same events."""

"""What one would use instead of Penstock: scripts, each a whole process, `SCRIPT LANDING OUTPUT`."""

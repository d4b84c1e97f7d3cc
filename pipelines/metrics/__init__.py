"""`penstock metrics`: what Delta logs, landing zones and quarantines tell, as Prometheus reads it."""

"""What keeps the server in step with the hospital's other systems: orders and patients come in by themselves."""

"""A second look from another cart or phone: asking for one, being called for one."""

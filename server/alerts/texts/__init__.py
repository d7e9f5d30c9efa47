"""The words of e-mails about alerts."""

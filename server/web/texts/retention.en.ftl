# Retention in the audit.
audited-retention-erase = Records of machines past their time erased
audited-retention-hold = Legal hold placed
audited-retention-release = Legal hold ended

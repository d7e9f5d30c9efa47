# Clinical words: findings, remedies, reasons, routes, statuses.

# Exports in open formats.
audited-export-site = Everything of the site exported
audited-export-patient = Everything of a patient exported

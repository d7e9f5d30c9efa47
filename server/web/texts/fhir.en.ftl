# What the audit calls it when other systems read over FHIR.
audited-view-fhir = Records read over FHIR
audited-view-fhir-export = File of an export taken
audited-fhir-token = Token given to a program
audited-fhir-export = Export asked for
audited-fhir-export-done = Export made
audited-fhir-export-failed = Export could not be made
audited-fhir-export-cancel = Export taken back
audited-fhir-export-gone = Files of an export deleted
audited-fhir-client-register = Program registered
audited-fhir-client-revoke = Program revoked

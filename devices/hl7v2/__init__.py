"""HL7 version 2 as devices speak it: segments as plain text fields, and the frames of MLLP."""

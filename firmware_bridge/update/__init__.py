"""New firmware for the microcontroller: from the signed job to an image that is confirmed, or taken back."""

"""What is printed: wristbands, as files that any printer takes."""

# What the screen asks for: one thing at a time.
badge-is-read = Badge read. Now enter your PIN.

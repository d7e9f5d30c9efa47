"""Words that go into another system's fields for people to read: Vietnamese, English, French."""

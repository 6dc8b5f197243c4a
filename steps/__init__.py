"""What drives and observes the platform on behalf of the features; nothing here knows the code under test."""

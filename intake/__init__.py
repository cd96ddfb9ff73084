"""The service itself: who we serve, what they bought, what they want, who takes it, by when."""

"""签约与解约 in the back office: settings, the pool of numbers, invitations, and the desk of the employment office."""

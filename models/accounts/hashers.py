"""Password hashing fit for login day."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class CampusArgon2Hasher(Argon2PasswordHasher):
    """argon2id with 19 MiB, two passes, one lane: OWASP's second setting, about 24 ms of CPU instead of 240."""

    time_cost = 2
    memory_cost = 19456
    parallelism = 1

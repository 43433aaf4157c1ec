"""What can go wrong, said to the person at the terminal."""


class BackupError(Exception):
    """A backup or a restore that did not happen; `sentence` says in Chinese what is wrong and what to do. Nothing is left half-done."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence

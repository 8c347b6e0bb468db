"""What a user can put right: one line that says what is wrong and what to do, and exit code 1."""


class UserError(Exception):
    """The work failed for a reason that the message names, with the remedy."""

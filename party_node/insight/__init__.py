"""Jobs that ask about people in common: the question, what each side lays down, the answer."""
